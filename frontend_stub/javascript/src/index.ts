/** What a worker of a Stockade application imports. */

export type { Manner } from "./calls.js";
export type { Call, CallOptions, EmitOptions, StreamOptions } from "./core.js";
export { type Core, connect } from "./core.js";
export type { ConnectOptions } from "./endpoint.js";
export type { ReceiveChannel, SendChannel } from "./ends.js";
export { Closed, type Code, CommandError, EncodeError, Ended, type Ending } from "./errors.js";
export type { Event } from "./events.js";
export type { Grant, Grants } from "./grants.js";
export type { CommandHandler, ExportOptions, Handling } from "./handling.js";
export type { EventHandler, Subscription } from "./listening.js";
export type { Limits } from "./messages.js";
export type { Statistics } from "./statistics.js";
export { VERSION } from "./version.js";
export { Float, type Value } from "./wire.js";
