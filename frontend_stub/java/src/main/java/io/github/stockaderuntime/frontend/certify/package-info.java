/**
 * The echo worker, by which {@code stockade certify} finds out whether this library speaks the
 * protocol.
 */
package io.github.stockaderuntime.frontend.certify;
