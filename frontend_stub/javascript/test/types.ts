/** What a program may write, and what it may not: checked by the compiler alone, never run. */

import {
  type Call,
  type Code,
  CommandError,
  type Core,
  connect,
  Ended,
  type Event,
  Float,
  type ReceiveChannel,
  type SendChannel,
  type Subscription,
  type Value,
} from "stockade-frontend";

interface Note {
  name: string;
  text: string;
}

export async function calls(): Promise<void> {
  const core: Core = await connect({ queue: 10, floats: true, exit: false });
  const note: Note = await core.invoke<Note>("notes.read", { name: "todo" });
  const args: Note = note;
  await core.invoke("notes.write", args, { timeout: null, wait: false, idempotent: true, trace: "00-…" });
  const whatever: unknown = await core.invoke("notes.index", {}, { signal: AbortSignal.timeout(100) });
  // @ts-expect-error an answer without a type has to be looked at first
  args.text = whatever;
  const call: Call<number> = core.call<number>("notes.count");
  call.cancel();
  const count: number = await call.result;
  // @ts-expect-error arguments go by name
  await core.invoke("notes.read", "todo");
  // @ts-expect-error a timeout is a number of milliseconds
  await core.invoke("notes.read", {}, { timeout: "2s" });
  void [whatever, count];
}

export async function channels(core: Core): Promise<void> {
  for await (const note of core.stream<Note>("notes.all", { folder: "" }, { credit: 8 })) note.text.trim();
  const data: SendChannel<Uint8Array> = core.sendChannel<Uint8Array>();
  const parts: ReceiveChannel<string> = core.receiveChannel<string>({ credit: 1 });
  core.call("pictures.shrink", { data, parts });
  await data.send(new Uint8Array(1));
  await data.sendAll([Buffer.alloc(1)]);
  // @ts-expect-error it carries bytes
  await data.send("text");
  await data.end();
  data.fail(new CommandError("notes.locked"));
  const first: IteratorResult<string, undefined> = await parts.next();
  parts.drop();
  void first;
}

export async function events(core: Core): Promise<void> {
  const subscription: Subscription = await core.listen("notes/", (event: Event) => event.name.length);
  await core.once("notes/changed", async (event) => {
    const source: string = event.source;
    await core.emit("editor/seen", { source }, { to: "reporter" });
  });
  subscription.close();
}

export function exports(core: Core): void {
  core.export("thumbs.make", async ({ name }: { name: string }, handling) => {
    handling.check();
    const { caller, deadline, cancelled } = handling;
    return { name, caller, deadline: deadline ?? null, cancelled };
  });
  core.export("thumbs.all", async function* ({ to }: { to: number }) {
    for (let at = 0; at < to; at++) yield at;
  });
  // @ts-expect-error there is no such option
  core.export("thumbs.some", () => null, { parallel: 2 });
}

export function errors(error: unknown): string {
  if (CommandError.is(error, "not_found", "notes.locked")) return error.code;
  if (error instanceof Ended) return String(error.exitCode);
  const code: Code = "busy";
  // @ts-expect-error no code of the protocol
  const other: Code = "bussy";
  return code + other;
}

export const values: Value[] = [null, 1, 1n, new Float(1), "text", new Uint8Array(1), [true], { a: [1] }, new Map()];
// @ts-expect-error what CBOR's profile cannot say
export const none: Value = new Date();
