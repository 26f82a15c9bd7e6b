// Reads canonical topics to their present end and prints each living record, newest version, as one JSON object a line.
// Environment: KAFKA_BROKERS, SCHEMA_REGISTRY_URL (Confluent-compatible). Arguments: the topics.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Consume {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private final String registry = System.getenv("SCHEMA_REGISTRY_URL");
  private final Map<Integer, Schema> schemas = new HashMap<>();

  public static void main(String[] topics) {
    new Consume().run(List.of(topics));
  }

  private void run(List<String> topics) {
    Map<String, Object> config = Map.of("bootstrap.servers", System.getenv("KAFKA_BROKERS"), "enable.auto.commit", false);
    Map<String, GenericRecord> newest = new HashMap<>();
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = topics.stream()
          .flatMap(topic -> consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())))
          .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        for (var message : consumer.poll(Duration.ofMillis(500))) {
          String key = message.topic() + "/" + message.key();
          // A null value: forget all that was known under this key.
          if (message.value() == null) newest.remove(key);
          else newest.merge(key, decode(message.value()), (old, now) -> isNewer(now, old) ? now : old);
        }
      }
    }
    newest.forEach((key, record) -> {
      if (record.get("deletedAt") == null) print(key.substring(0, key.lastIndexOf('/')), record);
    });
  }

  /** The wire format: a zero byte, the schema's id in four bytes, the Avro body. */
  private GenericRecord decode(byte[] value) {
    int id = ByteBuffer.wrap(value, 1, 4).getInt();
    var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    try {
      return new GenericDatumReader<GenericRecord>(schemas.computeIfAbsent(id, this::fetchSchema)).read(null, decoder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Schema fetchSchema(int id) {
    try {
      var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
      var response = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) throw new IOException("the registry has no schema " + id + ": " + response.statusCode());
      return new Schema.Parser().parse(JSON.readTree(response.body()).get("schema").asText());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The source's time decides, then the time of the request, then the mapping; against a deletion the request's time alone. */
  private static boolean isNewer(GenericRecord a, GenericRecord b) {
    boolean aDeleted = a.get("deletedAt") != null;
    if (aDeleted || b.get("deletedAt") != null) {
      int observed = Long.compare((Long) a.get("observedAt"), (Long) b.get("observedAt"));
      return observed > 0 || (observed == 0 && aDeleted);
    }
    return Arrays.compare(version(a), version(b)) > 0;
  }

  private static long[] version(GenericRecord record) {
    Long updated = (Long) record.get("sourceUpdatedAt");
    return new long[] {
      updated == null ? Long.MIN_VALUE : updated, (Long) record.get("observedAt"), (Integer) record.get("mappingRevision")
    };
  }

  private static void print(String topic, GenericRecord record) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("topic", topic);
    for (String field : List.of("id", "orgId", "externalId", "name")) {
      Object value = record.hasField(field) ? record.get(field) : null;
      line.put(field, value == null ? null : value.toString());
    }
    line.put("sourceUpdatedAt", record.get("sourceUpdatedAt"));
    try {
      System.out.println(JSON.writeValueAsString(line));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
