package io.github.stockaderuntime.frontend;

/**
 * What this worker may do, as the core said it in its welcome.
 *
 * @param commands what it may call
 * @param listen what it may listen to
 * @param emit what it may emit
 */
public record Grants(Grant commands, Grant listen, Grant emit) {}
