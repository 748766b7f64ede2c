"""Each limit in one line, with its reason. Sizes are bytes and times seconds unless a name says otherwise.

Knows nothing else. What an operator may set has its default here and its key in `config.specs`.
"""

from __future__ import annotations

#: The protocol version that this package speaks.
PROTOCOL = 1

# -- messages -------------------------------------------------------------------------------------------------------
#: The largest message (all frames) a worker may send or get: a photo. What is larger is streamed; and sixteen of them
#: fill a link's queue, see QUEUE_BYTES.
MESSAGE = 4 * 1024 * 1024
#: What MAXMSGSIZE has above MESSAGE, so that the stub's own check is the one that speaks.
MESSAGE_SLACK = 64 * 1024
#: Containers within containers: deeper data is refused before it can cost a C stack.
DEPTH = 32
#: Messages in one batch: bounds what one frame makes the core do before another worker has its turn.
BATCH = 1024
#: A batch with so many bytes takes no further message: whoever reads has nothing of it before it has all of it. With
#: results of 1 MiB, four in flight, 3 times as fast as all in one.
BATCH_BYTES = 256 * 1024
#: Raw frames behind a batch: libzmq buffers all frames of a message before the core sees one.
FRAMES = 63
#: What may wait in a link's queue of commands, each way: batches of the worker's limit, but at least and at most so
#: many. libzmq wakes its own thread, and the reader, each time half of a queue has been read: with 4 that is at every
#: second batch, and a call one at a time took 5 % longer than with 64. (To begin with 64 and shorten the queue when
#: something large comes does not do: libzmq counts by halves of a queue; one made shorter can stay full for ever.)
QUEUE_BYTES, LEAST_QUEUE, LONGEST_QUEUE = 64 * 1024 * 1024, 4, 64
#: Bytes alone from this size on travel as a raw frame. Measured round trips: equal from 2 to 16 KiB; at 32 KiB 1.15
#: times as fast as within CBOR, at 256 KiB seven times.
RAW = 16 * 1024
#: Raw frames from this size on are sent without a copy, which libzmq has to give back: equal at 128 KiB, at 1 MiB 1.2
#: times as fast.
UNCOPIED = 256 * 1024
#: The largest frame of an event. Events say that something happened; what is large is called for.
EVENT = 64 * 1024
#: What an event that the core relays may have above EVENT: its source, and numbers that are written longer again.
EVENT_SLACK = 256
#: The high-water mark of a link's events, and of its emits: times EVENT it is the budget of each, 64 MiB.
EVENT_QUEUE = 1024
#: Messages read from one socket in one turn of the loop: one flooder held the loop for 1.5 s without it, 9 ms with.
TURN_MESSAGES = 64
#: How long one socket may be read in one turn of the loop. With 1 ms, a small call beside a flooder took at p99 8.4
#: times as long as beside a process that burns the flooder's CPU, with this 4 to 6, with 0.2 ms no less.
TURN_SECONDS = 0.0003
#: Bytes of answers that are sent before the batch that they answer is handled to its end: some hundred small ones.
GATHERED = 2048
#: A batch of so few bytes cannot take long to decode, nor be over any limit: neither is looked at.
SMALL_BATCH = 96
#: A frame that took so long to decode costs its worker as long a wait before the next.
SLOW_FRAME = 0.02
#: Calls and errors of more bytes than this are bounded in bytes too; smaller ones by their number alone.
HEAVY = 64 * 1024
#: What waits for a worker that does not read, behind its queue. Above it, the core stops reading that worker, and
#: the results of its calls become `too_large`.
OUTBOX = 4 * 1024 * 1024
#: Items of channels wait, credit or not, while so much waits for their worker: answers find room before them.
ITEMS_OUT = 1024 * 1024
#: Items that a worker may send on one channel ahead of its handler, and about how many bytes these may have: large
#: items get a smaller window, of two at least.
WINDOW, WINDOW_BYTES = 64, 4 * 1024 * 1024
#: Ids and sequence numbers end here, where a double stops being exact (JavaScript).
LARGEST_ID = 2**53 - 1

# -- what a worker can make the core remember -------------------------------------------------------------------------
#: Calls of one worker in flight; the next is answered `busy`.
CALLS = 1024
#: Channels that one worker has opened and that are open; a call that would have more is answered `busy`.
CHANNELS = 64
#: Calls to one replica that it has not answered, whatever it says of its concurrency: also those that were cancelled.
ASKED = 1024
#: Commands that one worker exports.
EXPORTS = 1024
#: Events of one source that the application's listeners have not handled yet; the next are dropped and counted.
DELIVERIES = 1024
#: Its large calls in flight, together, in messages of the largest size: above, the core stops reading that worker
#: until one is answered.
IN_FLIGHT = 4
#: Subscriptions of one worker.
TOPICS = 1024
#: Names of events whose listeners the core remembers.
NAMES = 1024
#: Its subscriptions that were denied and not taken back: libzmq remembers each, with 5 KiB.
DENIED_TOPICS = 1024
#: Characters of an event's name (see names.EVENT) and of a call's command.
NAME = 128
#: Channels of one worker that are open at once; a call that would open more is answered `busy`.
CHANNELS = 64
#: Calls that wait for what one worker, all its replicas together, exports; the next is answered `busy`.
WAITING = 256
#: Replicas of one worker: no machine of today has more cores, and each costs the core its descriptors and sockets.
REPLICAS = 256
#: Growth of the core that makes it look whose doing that is: above all that the queues of one worker may hold.
GROWTH = 512 * 1024 * 1024

# -- threads ---------------------------------------------------------------------------------------------------------
#: Threads for `def` commands that all workers share, beside one that each always has: a thread that hangs cannot be
#: had back, and two workers of THREADS_PER_WORKER hanging calls each would leave none for the others.
THREADS = 16
#: Calls of one worker in threads at a time, its own among them; further ones wait for these.
THREADS_PER_WORKER = 8
#: Calls wait so long for threads that only abandoned calls hold; then they are `busy`.
STUCK = 1.0

# -- time -------------------------------------------------------------------------------------------------------------
#: What a call may take whose caller does not say: a user who waits has given up long before, a hang is noticed.
DEADLINE = 60.0
#: From a worker's start to its hello.
START = 30.0
#: Refusals of one worker that are logged each second, and failures of its calls; the rest is counted.
LOGGED_REFUSALS = 20
#: How often the core looks whether a worker has bound its sockets: with 3 ms a worker in C was ready 3 ms later, and
#: one look takes 9 µs.
LOOK = 0.001
#: How rarely it looks at one that binds and does not listen.
LONGEST_LOOK = 0.25
#: From a breach to the kill: time for the worker to read why.
BREACH_GRACE = 0.5
#: How long the core waits for the emits that a `bye` has counted, and for what an ended worker left in its link.
LEAVE = 1.0
#: The supervisor pings the core so often.
PING = 1.0
#: So long without a pong, and the core has failed.
SILENCE = 10.0
#: From `stop` to stdin's end-of-file; from there to TERM; from there to KILL. Together under ten seconds.
STOP_GRACE, STDIN_GRACE, TERM_GRACE = 3.0, 2.0, 2.0
#: How long a stop keeps its order, all workers together: with the three graces and the core's, still under ten seconds.
STOP_ORDER = 0.8
#: The same signal again so soon is the same wish: timeout(1) and wrappers that pass Ctrl-C on send it twice.
SAME_SIGNAL = 0.05
#: How long a stop waits for what was killed and does not end.
KILL_PATIENCE = 2.0
#: From the supervisor's end to the core's, where a command holds the core's loop, which would see it at once.
ORPHANED = 2.0
#: How long the core has to end its lifespans after the last worker has gone.
CORE_GRACE = 2.0

# -- restarts ---------------------------------------------------------------------------------------------------------
#: So many restarts within so many seconds, and a worker is given up.
RESTARTS, RESTARTS_WITHIN = 5, 60.0
#: The first wait before a restart, doubled by each failure up to the longest.
BACKOFF_FIRST, BACKOFF_LONGEST = 0.1, 30.0
#: After running so long, a worker's failures are forgotten.
STABLE = 60.0

# -- logs -------------------------------------------------------------------------------------------------------------
#: A longer line of a worker's output is cut into pieces of this size.
LOG_LINE = 8 * 1024
#: Lines of output per second and worker; what comes above is counted, and the count is logged.
LOG_RATE = 1000
#: What waits in the supervisor for a terminal or pipe that is not read; above it lines are dropped and counted.
LOG_BUFFER = 1024 * 1024
#: Lines of a failed worker's stderr that are shown with its failure.
LAST_LINES = 10
#: How long the pipe of a worker above LOG_RATE is left alone: it waits in its own print, not the supervisor in reading.
LOG_PAUSE = 0.02
#: How long the last log lines may take to a reader that does not read.
LOG_LAST = 0.5
#: How large a control line between supervisor and core may be.
CONTROL_LINE = 16 * 1024 * 1024

# -- checks -----------------------------------------------------------------------------------------------------------
#: How long `stockade check` lets the command modules take to import.
IMPORT = 20.0
