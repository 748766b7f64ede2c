import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Core;
import io.github.stockaderuntime.frontend.Event;
import java.util.Map;

/** The worker: a process of its own that shares nothing with the core, and can do no more than ask it. */
public final class Worker {
  private Worker() {}

  public static void main(String[] arguments) {
    try (Core core = Core.connect()) {
      core.listen("guests/signed", Worker::signed);
      core.ready();
      System.out.println("guests: " + core.invoke("guests.sign", Map.of("name", "@@label")));
      try {
        core.invoke("guests.clear");
      } catch (CommandException refusal) {
        System.out.println("refused: " + refusal.code());
      }
      core.run(); // handles events until the supervisor asks to stop
    }
  }

  private static void signed(Event event) {
    if (event.payload() instanceof Map<?, ?> guest) {
      System.out.println(guest.get("name") + " has signed");
    }
  }
}
