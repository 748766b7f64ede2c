package io.github.stockaderuntime.frontend;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What the core takes.
 *
 * @param message bytes of the largest message, all its frames together
 * @param event bytes of the largest frame of an event
 * @param batch messages of a batch
 * @param calls calls in flight
 * @param topics subscriptions
 * @param depth containers within each other
 * @param channels channels that this worker has opened, at once
 * @param frames raw frames behind a batch
 * @param deadline how long a call may take that does not say; empty: as long as it needs
 * @param rate calls per second; empty: any number
 */
public record Limits(
    long message,
    long event,
    long batch,
    long calls,
    long topics,
    long depth,
    long channels,
    long frames,
    Optional<Duration> deadline,
    OptionalDouble rate) {}
