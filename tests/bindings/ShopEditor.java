import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Core;
import io.github.stockaderuntime.frontend.ReceiveChannel;
import io.github.stockaderuntime.frontend.SendChannel;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;

/** A worker that uses its bindings, Api, for each kind of call; prints what it finds. */
public final class ShopEditor {
  private static final Api.Everything EVERYTHING =
      new Api.Everything(
          Long.MIN_VALUE,
          1.5,
          "ü",
          new byte[] {0, (byte) 255},
          true,
          null,
          "2024-05-01T10:00:00+00:00",
          LocalDate.of(2024, 5, 1),
          "10:30:00",
          Duration.ofMillis(1500),
          new UUID(0, 7),
          new BigDecimal("1.50"),
          "notes/todo",
          Api.Color.LIGHT_BLUE,
          Api.Level.HIGH,
          "fast",
          2L,
          Set.of("a", "b"),
          List.of(1L, "one"),
          List.of(LocalDate.of(2024, 5, 1)),
          Map.of("a", List.of(Api.Level.LOW)),
          Duration.ofDays(1),
          "7",
          new Api.Square("square", 2.0),
          List.of(new Api.Circle("circle", 1.0), 7L),
          List.of(1L),
          "a word of many languages");

  public static void main(String[] arguments) throws InterruptedException {
    try (Core core = Core.connect()) {
      LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
      Api.onShopChanged(
          core,
          (item, event) -> heard.add(item.name() + " " + item.price() + " of " + event.source()));
      Api.Everything same = Api.shopSame(core, EVERYTHING);
      System.out.println(
          same.table().equals(EVERYTHING.table())
              && same.names().equals(EVERYTHING.names())
              && same.wait_().equals(EVERYTHING.wait_())
              && same.maybe().equals(EVERYTHING.maybe())
              && same.level() == Api.Level.HIGH
              && same.days().equals(EVERYTHING.days()));
      Api.Item item = Api.shopBuy(core, "cup", 2L, null);
      System.out.println(item.name() + " " + item.price() + " " + (item.color() == Api.Color.RED));
      try {
        Api.shopBuy(core, "cup", 0L, null);
      } catch (CommandException error) {
        System.out.println(error.code());
      }
      Api.ItemInput lid = new Api.ItemInput("lid", new BigDecimal(2), null, null);
      Api.BoxInput box = new Api.BoxInput(List.of(lid, Api.ItemInput.of(item)), null);
      Api.Box put = Api.shopBox(core, box, new Api.Person("ada", null));
      System.out.println(put.items().size() + " " + put.boxes().size());
      List<String> rows = new ArrayList<>();
      Api.shopRows(core, 1L, null).forEach(row -> rows.add(row.name()));
      System.out.println(String.join(",", rows));
      SendChannel data = core.sendChannel();
      ReceiveChannel back = core.receiveChannel();
      Api.Begun<Long> begun = Api.shopLoad(core, 10L, data, back, null);
      data.send(lid.wire());
      data.finish();
      int sent = 0;
      for (Object each : back) {
        sent++;
      }
      System.out.println(sent + " " + begun.result());
      System.out.println(Api.thumbsMake(core, "cat", null).name());
      System.out.println(Api.bareCall(core, Map.of("x", 1L)));
      Api.emitEditorOpened(core, new Api.Person("eve", null), null);
      System.out.println(heard.take());
      System.out.println("done");
    }
  }
}
