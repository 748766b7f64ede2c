import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Core;
import io.github.stockaderuntime.frontend.Handling;
import io.github.stockaderuntime.frontend.Invoker;
import io.github.stockaderuntime.frontend.ReceiveChannel;
import java.awt.Image;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;
import javax.imageio.ImageIO;

/** Makes a thumbnail of each picture of the album, and then of any that others ask for. */
public final class Thumbs {
  private static final int WIDTH = 96;

  private Thumbs() {}

  public static void main(String[] arguments) throws IOException {
    System.setProperty("java.awt.headless", "true");
    try (Core core = Core.connect()) {
      core.export("thumbs.make", Thumbs::make);
      core.ready();
      try (ReceiveChannel names = core.stream("album.all", Map.of())) {
        for (Object name : names) {
          System.out.println(name + ": " + make(core, (String) name) + " bytes");
        }
      }
      core.run();
    }
  }

  private static Object make(Handling call) throws IOException {
    return make(call, call.argument("name", String.class)); // what it calls belongs to the call
  }

  private static int make(Invoker core, String name) throws IOException {
    byte[] picture = (byte[]) core.invoke("album.read", Map.of("name", name));
    byte[] small = shrink(name, picture);
    String smallName = name.replaceFirst("^pictures/", "small/").replaceFirst("[.]\\w+$", ".png");
    core.invoke("album.write", Map.of("name", smallName, "data", small));
    core.emit("thumbs/made", Map.of("name", smallName, "bytes", small.length));
    return small.length;
  }

  private static byte[] shrink(String name, byte[] picture) throws IOException {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(picture));
    if (image == null) {
      throw new CommandException("thumbs.format", name + " is no picture that is known here");
    }
    int height = Math.max(1, image.getHeight() * WIDTH / image.getWidth());
    BufferedImage small = new BufferedImage(WIDTH, height, BufferedImage.TYPE_INT_ARGB);
    Image scaled = image.getScaledInstance(WIDTH, height, Image.SCALE_SMOOTH);
    small.getGraphics().drawImage(scaled, 0, 0, null);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(small, "png", png);
    return png.toByteArray();
  }
}
