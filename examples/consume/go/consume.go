// Reads canonical topics to their present end and prints each living record, newest version, as one JSON object a line.
// Environment: KAFKA_BROKERS, SCHEMA_REGISTRY_URL (Confluent-compatible). Arguments: the topics.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// Fields that other teams add later, and those not named here, are skipped.
type record struct {
	ID              string     `avro:"id"`
	OrgID           string     `avro:"orgId"`
	ExternalID      string     `avro:"externalId"`
	SourceUpdatedAt *time.Time `avro:"sourceUpdatedAt"`
	ObservedAt      time.Time  `avro:"observedAt"`
	MappingRevision int        `avro:"mappingRevision"`
	DeletedAt       *time.Time `avro:"deletedAt"`
	Name            *string    `avro:"name"`
}

type key struct{ topic, id string }

// A partition whose last records compaction has taken away never shows them: after twice as long without any record all is read.
const quiet = 5 * time.Second

func main() {
	ctx := context.Background()
	topics := os.Args[1:]
	brokers := kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...)
	client := must(kgo.NewClient(brokers, kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	defer client.Close()
	registry := must(sr.NewClient(sr.URLs(os.Getenv("SCHEMA_REGISTRY_URL"))))
	schemas := map[int]avro.Schema{}
	newest := map[key]record{}
	isQuiet := false
	for left := unread(ctx, client, topics); len(left) > 0; {
		waits, done := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(waits)
		done()
		if errors.Is(fetches.Err0(), context.DeadlineExceeded) {
			if isQuiet { // before, and the brokers were there: compaction has taken the last records of what is left
				break
			}
			unread(ctx, client, topics)
			isQuiet = true
			continue
		}
		isQuiet = false
		if err := fetches.Err(); err != nil {
			log.Fatal(err)
		}
		fetches.EachRecord(func(message *kgo.Record) {
			at := partition{message.Topic, message.Partition}
			if end, waits := left[at]; waits && message.Offset+1 >= end {
				delete(left, at)
			}
			take(newest, key{message.Topic, string(message.Key)}, message.Value, func(id int) avro.Schema {
				if schemas[id] == nil {
					schemas[id] = must(avro.Parse(must(registry.SchemaByID(ctx, id)).Schema))
				}
				return schemas[id]
			})
		})
	}
	for at, r := range newest {
		if r.DeletedAt == nil {
			printLine(at.topic, r)
		}
	}
}

type partition struct {
	topic  string
	number int32
}

// The partitions that hold anything, with the offsets of their present ends.
func unread(ctx context.Context, client *kgo.Client, topics []string) map[partition]int64 {
	admin := kadm.NewClient(client)
	starts, ends := must(admin.ListStartOffsets(ctx, topics...)), must(admin.ListEndOffsets(ctx, topics...))
	for _, err := range []error{starts.Error(), ends.Error()} {
		if err != nil {
			log.Fatal(err)
		}
	}
	left := map[partition]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(end.Topic, end.Partition); start.Offset < end.Offset {
			left[partition{end.Topic, end.Partition}] = end.Offset
		}
	})
	return left
}

// The wire format of a value: a zero byte, the schema's id in four bytes, the Avro body.
func take(newest map[key]record, at key, value []byte, schemaOf func(int) avro.Schema) {
	if value == nil { // forget all that was known under this key
		delete(newest, at)
		return
	}
	id, body, err := new(sr.ConfluentHeader).DecodeID(value)
	if err != nil {
		log.Fatal(err)
	}
	var now record
	if err := avro.Unmarshal(schemaOf(id), body, &now); err != nil {
		log.Fatal(err)
	}
	if old, known := newest[at]; !known || isNewer(now, old) {
		newest[at] = now
	}
}

// The source's time decides, then the time of the request, then the mapping; against a deletion the request's time alone.
func isNewer(a, b record) bool {
	if a.DeletedAt != nil || b.DeletedAt != nil {
		return a.ObservedAt.After(b.ObservedAt) || (a.ObservedAt.Equal(b.ObservedAt) && a.DeletedAt != nil)
	}
	if order := orZero(a.SourceUpdatedAt).Compare(orZero(b.SourceUpdatedAt)); order != 0 {
		return order > 0
	}
	if order := a.ObservedAt.Compare(b.ObservedAt); order != 0 {
		return order > 0
	}
	return a.MappingRevision > b.MappingRevision
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func printLine(topic string, r record) {
	var updated *int64
	if r.SourceUpdatedAt != nil {
		ms := r.SourceUpdatedAt.UnixMilli()
		updated = &ms
	}
	line := map[string]any{"topic": topic, "id": r.ID, "orgId": r.OrgID, "externalId": r.ExternalID, "name": r.Name, "sourceUpdatedAt": updated}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
