package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.internal.session.Session;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * The sockets and the session together, for any number of threads: who may touch them, and who
 * waits for them.
 *
 * <p>One lock guards all. Who waits for an answer reads the sockets itself: it is the
 * <em>leader</em>, and a call that is alone goes and comes without another thread. Others who wait
 * meanwhile are parked until the leader has read what they wait for, or leaves, and one of them
 * leads. While nobody waits, a thread of the connection, the <em>keeper</em>, leads. Descriptors
 * tell of edges, which whatever is done with a socket may take: so whoever touches a socket also
 * reads it until it is empty, or leads on.
 */
public final class Conversation {
  /**
   * Calls and items that have gathered go when there are so many, so that the core works while more
   * are being made.
   */
  private static final int EAGER = 64;

  /**
   * How long the keeper leaves the lead to others, who may come again at once, before it takes it.
   */
  private static final long RESPITE = TimeUnit.MILLISECONDS.toNanos(2);

  /** How often a thread that sleeps in a system call looks whether it was interrupted. */
  private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

  private static final long FOREVER = -1;

  /** Someone who waits and does not lead. */
  private record Waiter(Thread thread, BooleanSupplier isReady, boolean mayLead) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final long began = System.nanoTime();
  private final Link link;
  private final Session session;
  private final Reactions reactions;
  private final Traffic traffic;
  private final Link.Watch leaderWatch;
  private final Link.Watch keeperWatch;
  private final List<Waiter> waiters = new ArrayList<>();
  private final Thread keeper;

  private Thread leader;

  /** Whether the leader has what it waits for, which another thread may have read. */
  private BooleanSupplier leaderIsReady = () -> false;

  private long leads;
  private long leadsSeen = -1;
  private boolean isKeeperAsleep;

  /**
   * Whether the keeper leaves the lead to others, and will look by itself when its respite is over.
   */
  private boolean isRespite;

  /** When the leader wakes by itself; 0 while it is awake. */
  private long sleepsUntil;

  /** Whether the bell was rung for what has gathered. */
  private boolean isGathering;

  private RuntimeException over;

  /**
   * A conversation whose hello is not said.
   *
   * @param link its sockets
   * @param session what it means
   * @param reactions what is to happen outside the lock
   */
  Conversation(Link link, Session session, Reactions reactions) {
    this.link = link;
    this.session = session;
    this.reactions = reactions;
    this.traffic = new Traffic(link, session);
    this.leaderWatch = link.new Watch();
    this.keeperWatch = link.new Watch();
    this.keeper = new Thread(this::keep, "stockade-keeper");
    keeper.setDaemon(true);
  }

  /** Lets the keeper live. */
  void start() {
    keeper.start();
  }

  // For whoever asks something of the session.

  /** A step that is taken while nobody else touches the session or its sockets. */
  @FunctionalInterface
  public interface Step<T> {
    T run();
  }

  /** Nanoseconds of this conversation's clock. */
  public long now() {
    return System.nanoTime() - began;
  }

  /**
   * Takes a step, and sends at once what it has to say.
   *
   * @throws EndedException when the conversation is over
   */
  public <T> T send(Step<T> step) {
    return locked(step, true);
  }

  /** Takes a step; what it has to say goes soon, together with what gathers until then. */
  public <T> T gather(Step<T> step) {
    return locked(step, false);
  }

  /** Looks at the session, also when the conversation is over. */
  public <T> T look(Step<T> step) {
    lock.lock();
    try {
      return step.run();
    } finally {
      lock.unlock();
    }
  }

  private <T> T locked(Step<T> step, boolean now) {
    lock.lock();
    try {
      check();
      T result = step.run();
      if (now || session.outbox().waiting() >= EAGER) {
        push();
      } else if (!isGathering && !isLookedAtSoon() && session.outbox().waiting() > 0) {
        isGathering = true;
        rouse();
      }
      if (session.timers().next() < sleepsUntil) {
        rouse();
      }
      return result;
    } catch (EndedException end) {
      finish(end); // the step may touch sockets, too
      throw end;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes a step, sends at once what it has to say, and waits until it is so.
   *
   * @param step what is asked; null for nothing
   * @param isReady asked under the lock
   * @param deadline on the clock of {@link #now}, or {@link Timers#NEVER}
   * @return what the step gave, or null if the time is over
   * @throws InterruptedException if this thread was interrupted
   */
  public <T> T await(Step<T> step, Ready<T> isReady, long deadline) throws InterruptedException {
    lock.lock();
    try {
      check();
      T asked = step.run();
      return await(() -> isReady.isReady(asked), deadline) ? asked : null;
    } catch (EndedException end) {
      finish(end);
      throw end;
    } finally {
      lock.unlock();
    }
  }

  /** Whether what was asked is there. */
  @FunctionalInterface
  public interface Ready<T> {
    boolean isReady(T asked);
  }

  /** Why nothing more can be said; null while it can. */
  public RuntimeException over() {
    return look(() -> over);
  }

  private void check() {
    if (over == null) {
      return;
    }
    if (over instanceof EndedException end) {
      throw end.again();
    }
    throw new IllegalStateException(over.getMessage());
  }

  // Waiting.

  private boolean await(BooleanSupplier isReady, long deadline) throws InterruptedException {
    Thread me = Thread.currentThread();
    boolean mayLead = !VirtualThreads.isVirtual(me);
    boolean leads = false;
    try {
      if (mayLead && (leader == null || leader == keeper)) {
        flush();
      } else {
        push();
      }
      while (true) {
        if (isReady.getAsBoolean()) {
          return true;
        }
        check();
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        long now = now();
        if (now >= deadline) {
          return false;
        }
        if (mayLead && (leader == null || leader == keeper || leader == me)) {
          leads |= take(me);
          leaderIsReady = isReady;
          lead(isReady, leaderWatch, Math.min(deadline, now + LOOK));
        } else {
          follow(new Waiter(me, isReady, mayLead), deadline);
        }
      }
    } catch (EndedException end) {
      finish(end);
      throw end;
    } finally {
      if (leads) {
        abdicate();
      }
      settle();
    }
  }

  private boolean take(Thread me) {
    if (leader == me) {
      return false;
    }
    if (leader == keeper) {
      keeperWatch.ring(); // or it would be woken by each message, too
    }
    leader = me;
    leads++;
    return true;
  }

  /** Wakes whoever sleeps on the sockets. */
  private void rouse() {
    (leader == null || leader == keeper ? keeperWatch : leaderWatch).ring();
  }

  /**
   * One turn of whoever leads: read what there is; if it is not what is waited for, sleep until
   * there is more.
   */
  private void lead(BooleanSupplier isReady, Link.Watch watch, long until) {
    while (readOne()) {
      if (isReady.getAsBoolean()) {
        return;
      }
    }
    wake();
    flush();
    settle();
    if (isReady.getAsBoolean() || over != null || leader != Thread.currentThread()) {
      return;
    }
    sleepsUntil = Math.min(until, session.timers().next());
    long left = sleepsUntil == Timers.NEVER ? FOREVER : Math.max(0, sleepsUntil - now());
    lock.unlock();
    try {
      watch.sleep(false, left);
    } finally {
      lock.lock();
    }
    if (leader == Thread.currentThread()) {
      sleepsUntil = 0;
    }
    watch.hush();
    if (over == null) {
      if (watch.sawEvents()) {
        traffic.readEvents();
      }
      if (watch.sawEmits()) {
        traffic.readEmits();
      }
    }
  }

  private void follow(Waiter waiter, long deadline) {
    waiters.add(waiter);
    if (leader == null) {
      keeperWatch.ring(); // it may not lead itself: the keeper has to
    }
    settle();
    boolean isReady = waiter.isReady.getAsBoolean() || over != null;
    lock.unlock();
    try {
      if (!isReady) {
        if (deadline == Timers.NEVER) {
          LockSupport.park(this);
        } else {
          LockSupport.parkNanos(this, deadline - now());
        }
      }
    } finally {
      lock.lock();
      waiters.remove(waiter);
    }
  }

  /** Somebody else leads: one who waits, or the keeper, in its time. */
  private void abdicate() {
    leader = null;
    leaderIsReady = () -> false;
    sleepsUntil = 0;
    for (Waiter waiter : waiters) {
      if (waiter.mayLead) {
        LockSupport.unpark(waiter.thread);
        return;
      }
    }
    if (isKeeperAsleep || !waiters.isEmpty()) {
      keeperWatch.ring();
    }
  }

  private void keep() {
    lock.lock();
    try {
      while (over == null) {
        if (leader == keeper || leader == null && (leads == leadsSeen || !waiters.isEmpty())) {
          leader = keeper;
          lead(() -> false, keeperWatch, Timers.NEVER);
        } else {
          stepBack();
        }
      }
    } catch (EndedException end) {
      finish(end);
    } finally {
      retire();
      lock.unlock();
    }
  }

  /**
   * While others lead it costs them a wake-up each time to be watched: look only now and then
   * whether they still do.
   */
  private void stepBack() {
    isKeeperAsleep = leader != null && leads == leadsSeen;
    leadsSeen = leads;
    isRespite = !isKeeperAsleep;
    long pause = isRespite ? RESPITE : FOREVER;
    lock.unlock();
    try {
      keeperWatch.sleep(true, pause);
    } finally {
      lock.lock();
      isKeeperAsleep = false;
      isRespite = false;
    }
    keeperWatch.hush();
    if (over == null && leader == null) {
      push();
    }
  }

  /**
   * Who has just waited for an answer is likely to wait for the next, and sends what has gathered
   * then.
   */
  private boolean isLookedAtSoon() {
    return leader == null && isRespite;
  }

  /**
   * The conversation is over: when nobody leads any more, nobody sleeps on the sockets, and they
   * can be closed.
   */
  private void retire() {
    while (leader != null && leader != keeper) {
      leaderWatch.ring();
      lock.unlock();
      LockSupport.parkNanos(this, RESPITE);
      lock.lock();
    }
    settle();
    leaderWatch.close();
    keeperWatch.close();
    link.close();
  }

  // Touching the sockets.

  /**
   * Sends what has gathered, and reads what has come meanwhile, since its edge may be taken now.
   */
  private void push() {
    flush();
    while (readOne()) {
      // until it is empty
    }
    wake();
    flush();
    settle();
  }

  private boolean flush() {
    isGathering = false;
    return traffic.flush();
  }

  private boolean readOne() {
    return traffic.readOne(now());
  }

  private void wake() {
    if (session.timers().next() != Timers.NEVER) {
      session.wake(now());
    }
  }

  /** Only under the lock. */
  Traffic traffic() {
    return traffic;
  }

  /** Emits a prepared event; waits only while there is no room for it. */
  void emit(Session.Emit prepared) throws InterruptedException {
    lock.lock();
    try {
      check();
      while (!traffic.emit(prepared)) {
        long seen = traffic.emitsStirred();
        await(() -> traffic.emitsStirred() != seen, Timers.NEVER);
      }
      settle();
    } catch (EndedException end) {
      finish(end);
      throw end;
    } finally {
      lock.unlock();
    }
  }

  // What follows.

  /** Tells those who wait, and has done outside the lock what no one may do inside. */
  private void settle() {
    for (Waiter waiter : waiters) {
      if (over != null || waiter.isReady.getAsBoolean()) {
        LockSupport.unpark(waiter.thread);
      }
    }
    if (leader != null && leader != Thread.currentThread() && leaderIsReady.getAsBoolean()) {
      leaderWatch.ring();
    }
    List<Runnable> todo = reactions.to(session);
    if (!todo.isEmpty()) {
      outside(todo);
    }
  }

  private void outside(List<Runnable> todo) {
    int holds = lock.getHoldCount();
    for (int hold = 0; hold < holds; hold++) {
      lock.unlock();
    }
    try {
      todo.forEach(Runnable::run);
    } finally {
      for (int hold = 0; hold < holds; hold++) {
        lock.lock();
      }
    }
  }

  // The end.

  /** The conversation is over, for this reason. */
  void finish(RuntimeException end) {
    lock.lock();
    try {
      if (over != null) {
        return;
      }
      over = end;
      if (end instanceof EndedException ended) {
        reactions.ended(
            ended); // first: the program may end by itself once it is told, with another status
      }
      session.end(end);
      leaderWatch.ring();
      keeperWatch.ring();
      settle();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the sockets are closed; {@link #finish} has been called. */
  void awaitClosed(long milliseconds) {
    if (Thread.currentThread() == keeper) {
      return;
    }
    try {
      keeper.join(milliseconds);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
  }
}
