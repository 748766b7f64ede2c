package io.github.stockaderuntime.frontend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is shown to readers compiles as it stands, without a warning. */
class ExampleTest {
  @TempDir Path folder;

  private void compiles(Path source) {
    String[] arguments = {
      "-Xlint:all", "-Werror", "-proc:none", "-d", folder.toString(), source.toString()
    };
    assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, arguments));
  }

  @Test
  void exampleCompiles() {
    compiles(Path.of("example/Thumbs.java"));
  }

  @Test
  void workerOfTheReadmeCompiles() throws Exception {
    Matcher first =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("README.md")));
    first.find();
    compiles(Files.writeString(folder.resolve("Editor.java"), first.group(1)));
  }

  @Test
  void piecesOfTheReadmeCompile() throws Exception {
    Matcher pieces =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("README.md")));
    pieces.find(); // the worker, which is whole
    StringBuilder all =
        new StringBuilder("import io.github.stockaderuntime.frontend.*;import java.time.*;")
            .append("import java.util.*;class Pieces {");
    for (int count = 0; pieces.find(); count++) {
      all.append("void piece" + count + "(Core core, List<String> names, byte[] bytes) {")
          .append(pieces.group(1))
          .append("}");
    }
    compiles(Files.writeString(folder.resolve("Pieces.java"), all.append("}")));
  }
}
