/** The worker: a process of its own that shares nothing with the core, and can do no more than ask it. */

import { CommandError, connect } from "stockade-frontend";

const core = await connect();
await core.listen("guests/signed", ({ payload }) => console.log(`${payload.name} has signed`));
core.ready();
console.log(`guests: ${await core.invoke("guests.sign", { name: "@@label" })}`);
try {
  await core.invoke("guests.clear");
} catch (error) {
  if (!CommandError.is(error)) throw error;
  console.log(`refused: ${error.code}`);
}
await core.run(); // handles events until the supervisor asks to stop
await core.close();
