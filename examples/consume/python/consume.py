"""Reads canonical topics to their present end and prints each living record, newest version, as one JSON object a line.

Environment: KAFKA_BROKERS, SCHEMA_REGISTRY_URL (Confluent-compatible). Arguments: the topics.
"""

import json
import os
import sys
from datetime import datetime, timezone

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

BEFORE_ALL = datetime.min.replace(tzinfo=timezone.utc)


def read(consumer, topics):
    """Every message of the topics up to the ends they have now."""
    left = {}
    for topic in topics:
        for partition in consumer.list_topics(topic, 10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)
            if low < high:
                left[topic, partition] = high
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in left])
    while left:
        message = consumer.poll(1)
        if message is not None and message.error():
            raise KafkaException(message.error())
        if message is not None:
            yield message
        for at in consumer.position([TopicPartition(*key) for key in left]):
            if at.offset >= left[at.topic, at.partition]:
                del left[at.topic, at.partition]


def is_newer(a, b):
    """The source's time decides, then the time of the request, then the mapping; against a deletion the request's time alone."""
    if a["deletedAt"] or b["deletedAt"]:
        return (a["observedAt"], a["deletedAt"] is not None) > (b["observedAt"], b["deletedAt"] is not None)
    return version(a) > version(b)


def version(record):
    return record["sourceUpdatedAt"] or BEFORE_ALL, record["observedAt"], record["mappingRevision"]


def milliseconds(time):
    return None if time is None else round(time.timestamp() * 1000)


def main(topics):
    consumer = Consumer(
        {"bootstrap.servers": os.environ["KAFKA_BROKERS"], "group.id": "unused", "enable.auto.commit": False}
    )
    decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]}))
    newest = {}
    for message in read(consumer, topics):
        topic, key = message.topic(), message.key()
        record = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
        if record is None:  # a null value: forget all that was known under this key
            newest.pop((topic, key), None)
        elif (topic, key) not in newest or is_newer(record, newest[topic, key]):
            newest[topic, key] = record
    consumer.close()
    for (topic, _), record in newest.items():
        if record["deletedAt"] is None:
            line = {"topic": topic, "id": str(record["id"]), "orgId": record["orgId"], "externalId": record["externalId"]}
            line |= {"name": record.get("name"), "sourceUpdatedAt": milliseconds(record["sourceUpdatedAt"])}
            print(json.dumps(line))


main(sys.argv[1:])
