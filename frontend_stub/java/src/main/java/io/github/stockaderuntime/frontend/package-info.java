/**
 * What a Java worker of a Stockade application imports: {@link
 * io.github.stockaderuntime.frontend.Core#connect()} lets the core connect, and turns the protocol
 * into verbs. Packages below {@code internal} are nobody's business.
 */
package io.github.stockaderuntime.frontend;
