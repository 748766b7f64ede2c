/**
 * The codec, the shapes of messages, and topics: bytes to values and back. Knows no conversation.
 */
package io.github.stockaderuntime.frontend.internal.wire;
