/**
 * What the conversation means: calls, channels, events, limits. Knows no socket, thread or clock.
 */
package io.github.stockaderuntime.frontend.internal.session;
