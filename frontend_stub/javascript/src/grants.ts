/**
 * What this worker may do, as `welcome` said it: patterns over whole segments (protocol, section 8).
 *
 * Decides nothing that counts: the core checks everything again. It is here so that a worker's author gets a clear error
 * at once, and before an emit, which has no answer.
 */

/** Decisions remembered per grant. Names come from the worker itself, but may be made up without end. */
const REMEMBERED = 1024;

/** A segment that no pattern names, so that only `*` and `**` match it. */
const ANY = Symbol("any");

type Segment = string | typeof ANY;

/** The patterns that allow and those that deny, over names whose segments are joined by `separator`. */
export class Grant {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly #separator: string;
  readonly #allow: readonly string[][];
  readonly #deny: readonly string[][];
  readonly #decided = new Map<string, boolean>();

  constructor(separator: string, allow: readonly string[], deny: readonly string[]) {
    this.allow = allow;
    this.deny = deny;
    this.#separator = separator;
    this.#allow = allow.map((pattern) => pattern.split(separator));
    this.#deny = deny.map((pattern) => pattern.split(separator));
  }

  /** Whether an allowed pattern matches `name` and no denied one does. */
  allows(name: string): boolean {
    let decided = this.#decided.get(name);
    if (decided === undefined) {
      if (this.#decided.size >= REMEMBERED) this.#decided.clear();
      const segments = name.split(this.#separator);
      decided = this.#allow.some((p) => matches(p, segments)) && !this.#deny.some((p) => matches(p, segments));
      this.#decided.set(name, decided);
    }
    return decided;
  }

  /**
   * Whether one allowed pattern matches *every* name that begins with `prefix` (which ends in the separator), and no
   * denied pattern matches any.
   */
  covers(prefix: string): boolean {
    const segments = prefix.slice(0, -1).split(this.#separator);
    return this.#allow.some((p) => covers(p, segments)) && !this.#deny.some((p) => meets(p, segments));
  }
}

export interface Grants {
  readonly commands: Grant;
  readonly listen: Grant;
  readonly emit: Grant;
}

export const NO_GRANTS: Grants = {
  commands: new Grant(".", [], []),
  listen: new Grant("/", [], []),
  emit: new Grant("/", [], []),
};

// A pattern is an automaton: its states are positions in it, and one past its end is where it accepts.

/** `positions`, and those reached from them by letting `**` stand for nothing. */
function settled(pattern: readonly string[], positions: Iterable<number>): Set<number> {
  const reached = new Set<number>();
  for (let position of positions) {
    reached.add(position);
    while (pattern[position] === "**") reached.add(++position);
  }
  return reached;
}

/** Where the pattern stands after one more segment. */
function step(pattern: readonly string[], positions: Iterable<number>, segment: Segment): Set<number> {
  const reached: number[] = [];
  for (const position of positions) {
    const expected = pattern[position];
    if (expected === "**") reached.push(position);
    else if (expected === "*" || (expected !== undefined && expected === segment)) reached.push(position + 1);
  }
  return settled(pattern, reached);
}

function after(pattern: readonly string[], segments: Iterable<Segment>): Set<number> {
  let positions = settled(pattern, [0]);
  for (const segment of segments) positions = step(pattern, positions, segment);
  return positions;
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return after(pattern, segments).has(pattern.length);
}

/** Whether it matches whatever one or more segments follow: if so for segments it does not name, then for all. */
function covers(pattern: readonly string[], segments: readonly string[]): boolean {
  let positions = after(pattern, segments);
  const seen = new Set<string>();
  for (let key = state(positions); !seen.has(key); key = state(positions)) {
    seen.add(key);
    positions = step(pattern, positions, ANY);
    if (!positions.has(pattern.length)) return false;
  }
  return true;
}

function state(positions: Set<number>): string {
  return [...positions].sort((a, b) => a - b).join();
}

/** Whether it matches anything at all that has one or more segments behind these. */
function meets(pattern: readonly string[], segments: readonly string[]): boolean {
  return [...after(pattern, segments)].some((position) => position < pattern.length);
}
