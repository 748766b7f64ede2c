package io.github.stockaderuntime.frontend.internal.wire;

/**
 * A channel that a call of the core's opens.
 *
 * @param id its number
 * @param toCallee whether this side receives
 * @param credit what this side may send, if it sends
 */
public record Offer(long id, boolean toCallee, long credit) {}
