package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The arguments of a call, encoded before its turn comes and once for all its tries.
 *
 * @param encoded the map of those that are neither raw nor channels
 * @param raw the index of the frame of each that is raw
 * @param frames the raw frames
 * @param ends the channels that the call opens
 */
public record Arguments(
    byte[] encoded, Map<String, Object> raw, List<byte[]> frames, Map<String, End> ends) {
  /**
   * Encodes.
   *
   * @param arguments values by name, channels apart
   * @param ends the channels, by name
   * @param depth containers within each other that the core takes
   * @return what a call takes along
   * @throws io.github.stockaderuntime.frontend.EncodeException whose path begins with the
   *     argument's name
   */
  public static Arguments of(Map<String, ?> arguments, Map<String, End> ends, int depth) {
    Map<String, Object> raw = Map.of();
    List<byte[]> frames = List.of();
    Map<String, Object> rest = null;
    for (Map.Entry<String, ?> argument : arguments.entrySet()) {
      // 63 frames may stand behind a batch; what is above travels in its place.
      if (argument.getValue() instanceof byte[] bytes
          && bytes.length >= Message.RAW
          && frames.size() < 63) {
        if (rest == null) {
          rest = new LinkedHashMap<>(arguments);
          raw = new LinkedHashMap<>();
          frames = new ArrayList<>();
        }
        frames.add(bytes.clone());
        raw.put(argument.getKey(), frames.size());
        rest.remove(argument.getKey());
      }
    }
    return new Arguments(
        Encoder.encode(rest == null ? arguments : rest, depth - 2), raw, frames, ends);
  }
}
