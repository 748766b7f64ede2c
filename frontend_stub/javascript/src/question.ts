/** Something asked that is no call: its answer. */
export interface Question<Answer> {
  readonly promise: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export function question<Answer = void>(): Question<Answer> {
  let settle!: Omit<Question<Answer>, "promise">;
  const promise = new Promise<Answer>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {}); // whoever awaits it learns of its error; nobody has to
  return { promise, ...settle };
}
