package io.github.stockaderuntime.frontend;

import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The patterns that allow names and those that deny them (protocol, section 8). Decides nothing
 * that counts: the core checks everything again.
 */
public final class Grant {
  /** A segment that no pattern names, so that only {@code *} and {@code **} match it. */
  private static final String ANY = null;

  /**
   * Decisions that are remembered. Names come from the worker itself, but may be made up without
   * end.
   */
  private static final int REMEMBERED = 1024;

  private final char separator;
  private final List<String[]> allow;
  private final List<String[]> deny;
  private final Map<String, Boolean> decided = new ConcurrentHashMap<>();

  /**
   * As the core says it.
   *
   * @param separator what stands between segments: a dot in commands, a slash in events
   * @param allow patterns over whole segments
   * @param deny patterns over whole segments
   */
  public Grant(char separator, List<String> allow, List<String> deny) {
    this.separator = separator;
    this.allow = allow.stream().map(this::segments).toList();
    this.deny = deny.stream().map(this::segments).toList();
  }

  /**
   * Whether an allowed pattern matches a name and no denied one does.
   *
   * @param name a command or an event
   * @return whether it is allowed
   */
  public boolean allows(String name) {
    if (decided.size() >= REMEMBERED) {
      decided.clear();
    }
    return decided.computeIfAbsent(name, this::decide);
  }

  private boolean decide(String name) {
    String[] segments = segments(name);
    return allow.stream().anyMatch(pattern -> matches(pattern, segments))
        && deny.stream().noneMatch(pattern -> matches(pattern, segments));
  }

  /**
   * Whether one allowed pattern matches every name that begins with a prefix, and no denied one
   * matches any.
   *
   * @param prefix ends in the separator
   * @return whether the whole of it is allowed
   */
  public boolean covers(String prefix) {
    String[] segments = segments(prefix.substring(0, prefix.length() - 1));
    return allow.stream().anyMatch(pattern -> covers(pattern, segments))
        && deny.stream().noneMatch(pattern -> meets(pattern, segments));
  }

  @Override
  public String toString() {
    return "Grant[allow=" + joined(allow) + ", deny=" + joined(deny) + "]";
  }

  private List<String> joined(List<String[]> patterns) {
    return patterns.stream()
        .map(pattern -> String.join(String.valueOf(separator), pattern))
        .toList();
  }

  private String[] segments(String name) {
    return name.split("[" + separator + "]", -1);
  }

  // A pattern is an automaton: its states are the positions in it, and one behind its end, where it
  // accepts.

  private static boolean matches(String[] pattern, String[] segments) {
    return after(pattern, segments).get(pattern.length);
  }

  /**
   * If it matches all that follows in segments which it does not name, it matches all that follows.
   */
  private static boolean covers(String[] pattern, String[] segments) {
    BitSet positions = after(pattern, segments);
    Set<BitSet> seen = new HashSet<>();
    while (seen.add(positions)) {
      positions = step(pattern, positions, ANY);
      if (!positions.get(pattern.length)) {
        return false;
      }
    }
    return true;
  }

  /** Whether it matches anything at all that has one segment or more behind these. */
  private static boolean meets(String[] pattern, String[] segments) {
    int first = after(pattern, segments).nextSetBit(0);
    return first >= 0 && first < pattern.length;
  }

  private static BitSet after(String[] pattern, String[] segments) {
    BitSet positions = new BitSet();
    reach(pattern, positions, 0);
    for (String segment : segments) {
      positions = step(pattern, positions, segment);
    }
    return positions;
  }

  private static BitSet step(String[] pattern, BitSet positions, String segment) {
    BitSet reached = new BitSet();
    for (int at = positions.nextSetBit(0);
        at >= 0 && at < pattern.length;
        at = positions.nextSetBit(at + 1)) {
      if (pattern[at].equals("**")) {
        reach(pattern, reached, at);
      } else if (pattern[at].equals("*") || pattern[at].equals(segment)) {
        reach(pattern, reached, at + 1);
      }
    }
    return reached;
  }

  /** This position, and those behind it where {@code **} stands for nothing. */
  private static void reach(String[] pattern, BitSet reached, int from) {
    int at = from;
    reached.set(at);
    while (at < pattern.length && pattern[at].equals("**")) {
      at++;
      reached.set(at);
    }
  }
}
