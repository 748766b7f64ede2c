package io.github.stockaderuntime.frontend.internal.wire;

import io.github.stockaderuntime.frontend.Grants;
import io.github.stockaderuntime.frontend.Limits;

/**
 * What {@code welcome} says.
 *
 * @param worker the label of the worker that it is for
 * @param generation which start of it
 * @param core the core's name and version
 * @param limits what the core takes
 * @param grants what this worker may do
 */
public record Welcome(String worker, long generation, String core, Limits limits, Grants grants) {}
