"""What stands around the functions of a generated Java class: its head, its imports, and the parts that they share.

Knows no command: only which names the text uses. What it does not use is left out.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from stockade.bindings.comments import Origin
from stockade.bindings.layout import slashes

__all__ = ["ENUMERATION", "FUNCTIONS", "NAMES", "class_of"]

_STUB = "io.github.stockaderuntime.frontend"
_IMPORTS = {
    "BigDecimal": "java.math.BigDecimal",
    "Duration": "java.time.Duration",
    "LocalDate": "java.time.LocalDate",
    "ArrayList": "java.util.ArrayList",
    "Collection": "java.util.Collection",
    "Iterator": "java.util.Iterator",
    "LinkedHashMap": "java.util.LinkedHashMap",
    "LinkedHashSet": "java.util.LinkedHashSet",
    "List": "java.util.List",
    "Map": "java.util.Map",
    "Set": "java.util.Set",
    "UUID": "java.util.UUID",
    "BiConsumer": "java.util.function.BiConsumer",
    "Consumer": "java.util.function.Consumer",
    "Function": "java.util.function.Function",
    **{
        name: f"{_STUB}.{name}"
        for name in ("Call", "Core", "Event", "Invoker", "ReceiveChannel", "SendChannel", "Subscription")
    },
}

#: The body of an enum behind its constants.
ENUMERATION = """\

  private final Object value;

  NAME(Object value) {
    this.value = value;
  }

  /** Reads what came. */
  public static NAME of(Object value) {
    for (NAME each : values()) {
      if (each.value.equals(value)) {
        return each;
      }
    }
    throw new IllegalArgumentException(value + " is no NAME");
  }

  @Override
  public Object wire() {
    return value;
  }
}"""

_WIRE = """\
/** What crosses the wire as another value. */
public interface Wire {
  /** The value that crosses the wire. */
  Object wire();

  /** Any value of these bindings as one of the wire. */
  static Object of(Object value) {
    if (value instanceof Wire own) {
      return own.wire();
    }
    if (value instanceof BigDecimal || value instanceof UUID || value instanceof LocalDate) {
      return value.toString();
    }
    if (value instanceof Duration duration) {
      return duration.getSeconds() + duration.getNano() / 1e9;
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> made = new LinkedHashMap<>();
      map.forEach((key, each) -> made.put((String) key, of(each)));
      return made;
    }
    if (value instanceof Collection<?> collection) {
      List<Object> made = new ArrayList<>();
      collection.forEach(each -> made.add(of(each)));
      return made;
    }
    return value;
  }
}
"""
_ITEMS = """\
/** The items of a stream, or of a channel, typed. Who leaves it early closes it. */
public static final class Items<T> implements Iterable<T>, Iterator<T>, AutoCloseable {
  private final ReceiveChannel channel;
  private final Function<Object, T> reader;

  /** Those of a channel, each read by {@code reader}: {@code Note::of}. */
  public Items(ReceiveChannel channel, Function<Object, T> reader) {
    this.channel = channel;
    this.reader = reader;
  }

  @Override
  public Iterator<T> iterator() {
    return this;
  }

  @Override
  public boolean hasNext() {
    return channel.hasNext();
  }

  @Override
  public T next() {
    return read("an item", channel.next(), reader);
  }

  @Override
  public void close() {
    channel.close();
  }
}
"""
_BEGUN = """\
/** A call that has begun. */
public record Begun<T>(Call call, Function<Object, T> reader) {
  /** Waits for the answer. */
  public T result() {
    return read("a result", call.result(), reader);
  }
}
"""
_FUNCTIONS = {
    "heard": """\
/** One of another type than declared is its emitter's fault, and said on standard error. */
private static <T> Consumer<Event> heard(
    Function<Object, T> reader, BiConsumer<? super T, ? super Event> handler) {
  return event -> {
    T payload;
    try {
      payload = read(event.name(), event.payload(), reader);
    } catch (IllegalStateException error) {
      System.err.println("of " + event.source() + ": " + error.getMessage() + ": " + error.getCause());
      return;
    }
    handler.accept(payload, event);
  };
}
""",
    "read": """\
/** What came, typed. Throws IllegalStateException where it is not as declared: it is wrong, or this is stale. */
private static <T> T read(String what, Object value, Function<Object, T> reader) {
  try {
    return reader.apply(value);
  } catch (RuntimeException error) {
    throw new IllegalStateException(what + " is not as declared", error);
  }
}
""",
    "orNull": """\
private static <T> T orNull(Object value, Function<Object, T> reader) {
  return value == null ? null : reader.apply(value);
}
""",
    "list": """\
private static <T> List<T> list(Object value, Function<Object, T> reader) {
  List<T> made = new ArrayList<>();
  ((List<?>) value).forEach(each -> made.add(reader.apply(each)));
  return made;
}
""",
    "set": """\
private static <T> Set<T> set(Object value, Function<Object, T> reader) {
  return new LinkedHashSet<>(list(value, reader));
}
""",
    "map": """\
private static <T> Map<String, T> map(Object value, Function<Object, T> reader) {
  Map<String, T> made = new LinkedHashMap<>();
  ((Map<?, ?>) value).forEach((key, each) -> made.put((String) key, reader.apply(each)));
  return made;
}
""",
    "duration": """\
private static Duration duration(Object seconds) {
  double value = ((Number) seconds).doubleValue();
  long whole = (long) Math.floor(value);
  return Duration.ofSeconds(whole, Math.round((value - whole) * 1e9));
}
""",
}
_TYPES = {"Items": _ITEMS, "Begun": _BEGUN, "Wire": _WIRE}
#: What no class, and what no function, of the application's may be called.
NAMES = frozenset({*_IMPORTS, *_TYPES, "Object", "String", "Long", "Double", "Boolean", "Number", "Iterable", "Math"})
FUNCTIONS = frozenset(_FUNCTIONS)


def class_of(origin: Origin, package: str, name: str, members: Sequence[str]) -> str:
    """The whole file: the class `name` with `members`, and the imports and parts that these use."""
    text = "\n\n".join(members)
    types: list[str] = []
    for part, source in _TYPES.items():
        if _uses("\n".join([text, *types]), part):
            types.append(source.rstrip("\n"))
    functions: list[str] = []
    for part, source in _FUNCTIONS.items():
        if _calls("\n".join([text, *types, *functions]), part):
            functions.append(source.rstrip("\n"))
    whole = "\n\n".join([*types, *members, *functions])
    code = re.sub(r'/\*\*.*?\*/|"(?:[^"\\\n]|\\.)*"', "", whole, flags=re.DOTALL)
    imports = sorted(f"import {home};" for imported, home in _IMPORTS.items() if _uses(code, imported))
    head = ["\n".join(slashes(origin.lines())), f"package {package};" if package else "", "\n".join(imports)]
    opening = [f'/** What the application "{origin.application}" offers, typed. */', f"public final class {name} {{"]
    body = textwrap.indent("\n\n".join([f"private {name}() {{}}", whole]), "  ", lambda line: bool(line.strip()))
    return "\n\n".join(filter(None, [*head, "\n".join([*opening, body, "}"])])) + "\n"


def _uses(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\b", code) is not None


def _calls(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\(", code) is not None
