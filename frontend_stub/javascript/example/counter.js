/** Counts words in any language, which is a thing that Node knows how to do: Intl.Segmenter. */

import { CommandError, connect } from "stockade-frontend";

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

function count(text) {
  return [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike).length;
}

const core = await connect();

// Others may have their own texts counted.
core.export("words.count", ({ text }) => count(text), { concurrency: 4, idempotent: true, args: ["text"] });
core.ready();

/** The words of one file; undefined where this worker's scope ends. */
async function countFile(name) {
  try {
    const words = count(await core.invoke("files.read", { name }, { timeout: 5000 }));
    await core.emit("progress/counted", { name, words });
    return [name, words];
  } catch (error) {
    if (!CommandError.is(error)) throw error;
    console.error(`${name}: ${error}`);
    return [name, undefined];
  }
}

const begun = [];
for await (const name of core.stream("files.list")) begun.push(countFile(name));
const counted = (await Promise.all(begun)).filter(([, words]) => words !== undefined);
console.log("in all", await core.invoke("report.write", { words: Object.fromEntries(counted) }));

await core.run();
await core.close();
