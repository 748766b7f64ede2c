package io.github.stockaderuntime.frontend;

/**
 * What one connection has done until now. Counts, but for {@code pending}, {@code answering},
 * {@code channels} and {@code waiting}.
 *
 * @param calls ids used
 * @param answered answers that came
 * @param late of these, the answers to calls that had been given up
 * @param tries calls that were put off because the core was busy
 * @param pending calls in flight
 * @param handled calls that were made to this worker
 * @param answering of these, those that are not answered yet
 * @param channels channels open
 * @param batches batches sent
 * @param emitted events emitted
 * @param events events received
 * @param waiting events that wait for their handlers
 * @param missed events that no handler will see
 * @param pings pings answered
 */
public record Statistics(
    long calls,
    long answered,
    long late,
    long tries,
    int pending,
    long handled,
    int answering,
    int channels,
    long batches,
    long emitted,
    long events,
    int waiting,
    long missed,
    long pings) {}
