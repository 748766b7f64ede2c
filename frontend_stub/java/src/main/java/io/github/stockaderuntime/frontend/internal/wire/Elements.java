package io.github.stockaderuntime.frontend.internal.wire;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Grant;
import io.github.stockaderuntime.frontend.Grants;
import io.github.stockaderuntime.frontend.Limits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The elements of one message as what they have to be. All methods throw for what is missing or of
 * another shape.
 */
final class Elements {
  private final List<?> message;
  private final RawFrames frames;

  Elements(List<?> message, RawFrames frames) {
    this.message = message;
    this.frames = frames;
  }

  boolean has(int index) {
    return index < message.size();
  }

  Object value(int index) throws DecodeException {
    if (!has(index)) {
      throw new DecodeException(message.get(0) + " with an element missing");
    }
    return message.get(index);
  }

  long whole(int index) throws DecodeException {
    return Whole.of(value(index));
  }

  String text(int index) throws DecodeException {
    return asText(value(index));
  }

  Map<String, Object> map(int index) throws DecodeException {
    return asMap(value(index));
  }

  CommandException error(int index) throws DecodeException {
    Map<String, Object> error = map(index);
    return new CommandException(
        asText(in(error, "code")), asText(in(error, "message")), error.get("data"));
  }

  /** The options of a message that has no answer: there is nobody to tell that one is not known. */
  private Map<String, Object> options(int index) throws DecodeException {
    if (!has(index)) {
      return Map.of();
    }
    Map<String, Object> options = map(index);
    Optional<String> insisting = insisting(options);
    if (insisting.isPresent()) {
      throw new DecodeException("an option that is not known here: " + insisting.get());
    }
    return options;
  }

  private static Optional<String> insisting(Map<String, Object> options) {
    return options.keySet().stream().filter(name -> name.startsWith("!")).findFirst();
  }

  /**
   * The value of a result or an item: as it stands, or the raw frame that its options put in its
   * place.
   */
  Object valued(int index) throws DecodeException {
    Object value = value(index);
    Map<String, Object> options = options(index + 1);
    if (!options.containsKey("raw")) {
      return value;
    }
    if (value != null) {
      throw new DecodeException("a raw value beside another");
    }
    return frames.take(Whole.of(options.get("raw")));
  }

  /** The arguments of a call, those that are raw among them. */
  Map<String, Object> arguments(int index, Said said) throws DecodeException {
    Map<String, Object> arguments = map(index);
    for (Map.Entry<String, Long> raw : said.raw().entrySet()) {
      if (arguments.containsKey(raw.getKey())) {
        throw new DecodeException("a call with an argument that stands in two places");
      }
      arguments.put(raw.getKey(), frames.take(raw.getValue()));
    }
    for (String name : said.channels().keySet()) {
      if (arguments.containsKey(name)) {
        throw new DecodeException("a call with an argument that stands in two places");
      }
    }
    return arguments;
  }

  Said said(int index) throws DecodeException {
    if (!has(index)) {
      return Said.NOTHING;
    }
    Map<String, Object> options = map(index);
    Object deadline = options.get("deadline");
    Object caller = options.getOrDefault("caller", "core");
    Optional<String> trace =
        options.get("trace") instanceof String text ? Optional.of(text) : Optional.empty();
    Map<String, Offer> channels = new LinkedHashMap<>();
    for (Map.Entry<String, Object> entry :
        asMap(options.getOrDefault("channels", Map.of())).entrySet()) {
      channels.put(entry.getKey(), asOffer(entry.getValue()));
    }
    Map<String, Long> raw = new LinkedHashMap<>();
    for (Map.Entry<String, Object> entry :
        asMap(options.getOrDefault("raw", Map.of())).entrySet()) {
      raw.put(entry.getKey(), Whole.of(entry.getValue()));
    }
    return new Said(
        deadline == null ? null : Whole.of(deadline),
        asText(caller),
        trace,
        channels,
        raw,
        insisting(options));
  }

  Welcome welcome(int index) throws DecodeException {
    Map<String, Object> welcome = map(index);
    return new Welcome(
        asText(in(welcome, "worker")),
        Whole.of(in(welcome, "generation")),
        asText(in(welcome, "core")),
        asLimits(asMap(in(welcome, "limits"))),
        asGrants(asMap(in(welcome, "grants"))));
  }

  static Object in(Map<String, Object> map, String key) throws DecodeException {
    if (!map.containsKey(key)) {
      throw new DecodeException("a map without " + key);
    }
    return map.get(key);
  }

  static String asText(Object value) throws DecodeException {
    if (value instanceof String text) {
      return text;
    }
    throw new DecodeException("an element that should be text");
  }

  @SuppressWarnings("unchecked") // the decoder makes no other maps
  static Map<String, Object> asMap(Object value) throws DecodeException {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new DecodeException("an element that should be a map");
  }

  private static Offer asOffer(Object value) throws DecodeException {
    Map<String, Object> offer = asMap(value);
    String to = asText(in(offer, "to"));
    if (!to.equals("callee") && !to.equals("caller")) {
      throw new DecodeException("a channel that leads to " + to);
    }
    Object credit = offer.getOrDefault("credit", 0L);
    return new Offer(Whole.of(in(offer, "id")), to.equals("callee"), Whole.of(credit));
  }

  private static Limits asLimits(Map<String, Object> limits) throws DecodeException {
    return new Limits(
        Whole.of(in(limits, "message")),
        Whole.of(in(limits, "event")),
        Whole.of(in(limits, "batch")),
        Whole.of(in(limits, "calls")),
        Whole.of(in(limits, "topics")),
        Whole.of(in(limits, "depth")),
        Whole.of(in(limits, "channels")),
        Whole.of(in(limits, "frames")),
        limits.containsKey("deadline")
            ? Optional.of(Duration.ofMillis(Whole.of(limits.get("deadline"))))
            : Optional.empty(),
        limits.containsKey("rate")
            ? OptionalDouble.of(asRate(limits.get("rate")))
            : OptionalDouble.empty());
  }

  private static double asRate(Object value) throws DecodeException {
    double rate =
        value instanceof Long || value instanceof Double ? ((Number) value).doubleValue() : 0;
    if (rate > 0 && rate < Double.POSITIVE_INFINITY) {
      return rate;
    }
    throw new DecodeException("no number of calls per second");
  }

  private static Grants asGrants(Map<String, Object> grants) throws DecodeException {
    return new Grants(
        asGrant('.', in(grants, "commands")),
        asGrant('/', in(grants, "listen")),
        asGrant('/', in(grants, "emit")));
  }

  private static Grant asGrant(char separator, Object value) throws DecodeException {
    Map<String, Object> grant = asMap(value);
    return new Grant(separator, asPatterns(in(grant, "allow")), asPatterns(in(grant, "deny")));
  }

  private static List<String> asPatterns(Object value) throws DecodeException {
    if (!(value instanceof List<?> list)) {
      throw new DecodeException("an element that should be an array");
    }
    List<String> patterns = new ArrayList<>();
    for (Object pattern : list) {
      patterns.add(asText(pattern));
    }
    return patterns;
  }
}
