/** The counts of a connection until now. */
export interface Statistics {
  /** Calls that were sent, tries among them; of these answered, and answered when nobody waited any more. */
  readonly calls: number;
  readonly answered: number;
  readonly late: number;
  /** Calls that were made again since the core was busy. */
  readonly tries: number;
  readonly inFlight: number;
  /** Calls of the core's that have come. */
  readonly handled: number;
  readonly channels: number;
  readonly batches: number;
  readonly emitted: number;
  readonly events: number;
  readonly waiting: number;
  readonly missed: number;
}
