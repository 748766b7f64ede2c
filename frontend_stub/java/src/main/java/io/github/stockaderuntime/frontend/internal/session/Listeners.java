package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.Event;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Who listens to what: by topic, in the order in which they began, with the answer that they share.
 * Knows no socket.
 */
public final class Listeners {
  /**
   * One handler that listens to one topic. Compared by identity.
   *
   * @param topic what it is subscribed to
   * @param handler what is called
   * @param once whether for one event alone
   */
  public static final class Listener {
    private final String topic;
    private final Consumer<? super Event> handler;
    private final boolean once;

    public Listener(String topic, Consumer<? super Event> handler, boolean once) {
      this.topic = topic;
      this.handler = handler;
      this.once = once;
    }

    public String topic() {
      return topic;
    }

    public Consumer<? super Event> handler() {
      return handler;
    }

    public boolean once() {
      return once;
    }
  }

  private final Map<String, List<Listener>> byTopic = new HashMap<>();
  private final Map<String, Pending> answers = new HashMap<>();

  /** Topics that are listened to. */
  public int topics() {
    return byTopic.size();
  }

  /** The core's answer for this topic, come or not; null if nobody listens to it. */
  public Pending answer(String topic) {
    return answers.get(topic);
  }

  /** Adds one to its topic, for which the core gives this answer. */
  public void add(Listener listener, Pending answer) {
    byTopic.computeIfAbsent(listener.topic(), unheard -> new ArrayList<>()).add(listener);
    answers.put(listener.topic(), answer);
  }

  /** Removes one if it is there; whether it was the last of its topic. */
  public boolean remove(Listener listener) {
    List<Listener> same = byTopic.get(listener.topic());
    if (same == null || !same.remove(listener) || !same.isEmpty()) {
      return false;
    }
    byTopic.remove(listener.topic());
    answers.remove(listener.topic());
    return true;
  }

  /** Those for an event: to the name itself, then to its prefixes, shortest first. */
  public List<Listener> of(String name) {
    List<Listener> found = new ArrayList<>(byTopic.getOrDefault(name + "|", List.of()));
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      found.addAll(byTopic.getOrDefault(name.substring(0, slash + 1), List.of()));
    }
    return found;
  }
}
