/**
 * The process's part: environment, sockets, who waits for them, the end. Knows no verb's meaning.
 */
package io.github.stockaderuntime.frontend.internal.worker;
