// Command index is a worker that reads all documents through the core, and answers which of them have a word. It prints
// the answers for the words that it is started with.
package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"

	stockade "github.com/stockade-runtime/frontend-go"
)

// readers is how many documents are read at a time.
const readers = 8

func main() { stockade.Main(work) }

func work(ctx context.Context, core *stockade.Core) error {
	index := &index{core: core, documents: map[string]map[string]int{}}
	takes := stockade.Parameters("word")
	if err := core.ExportStream("search.find", index.find, takes, stockade.Concurrency(4), stockade.Repeatable()); err != nil {
		return err
	}
	if _, err := core.Listen(ctx, "documents/changed", index.changed); err != nil {
		return err
	}
	if err := index.readAll(ctx); err != nil {
		return err
	}
	for _, word := range os.Args[1:] {
		fmt.Printf("%s: %s\n", word, strings.Join(index.of(word), ", "))
	}
	return core.Run(ctx)
}

// index has how often each word stands in each document.
type index struct {
	core      *stockade.Core
	mu        sync.RWMutex
	documents map[string]map[string]int
}

// readAll reads what the core lists, while it lists it.
func (i *index) readAll(ctx context.Context) error {
	names, failures := make(chan string), make(chan error, readers)
	var all sync.WaitGroup
	for range readers {
		all.Add(1)
		go func() {
			defer all.Done()
			for name := range names {
				if err := i.read(ctx, name); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
			}
		}()
	}
	err := i.list(ctx, names)
	close(names)
	all.Wait()
	close(failures)
	for failure := range failures {
		fmt.Fprintln(os.Stderr, "not read:", failure)
	}
	if err != nil {
		return err
	}
	return i.core.Emit(ctx, "search/indexed", map[string]int{"documents": len(i.documents)})
}

func (i *index) list(ctx context.Context, names chan<- string) error {
	for item, err := range i.core.Stream(ctx, "documents.list", nil) {
		name, err := stockade.As[string](item, err)
		if err != nil {
			return err
		}
		names <- name
	}
	return nil
}

func (i *index) read(ctx context.Context, name string) error {
	text, err := stockade.As[string](i.core.Invoke(ctx, "documents.read", stockade.Args{"name": name}))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	words := map[string]int{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		words[word]++
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.documents[name] = words
	return nil
}

// changed reads a document anew, which an event has the name of.
func (i *index) changed(ctx context.Context, event stockade.Event) {
	changed, err := stockade.As[struct{ Name string }](event.Payload, nil)
	if err == nil {
		err = i.read(ctx, changed.Name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "not read anew:", err)
	}
}

// of is which documents have the word, those first that have it most often.
func (i *index) of(word string) []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var found []string
	for name, words := range i.documents {
		if words[strings.ToLower(word)] > 0 {
			found = append(found, name)
		}
	}
	slices.SortFunc(found, func(one, other string) int {
		return i.documents[other][strings.ToLower(word)] - i.documents[one][strings.ToLower(word)]
	})
	return found
}

// find answers search.find.
func (i *index) find(_ context.Context, call *stockade.Handling) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		word, err := stockade.As[string](call.Arguments["word"], nil)
		if err != nil {
			yield(nil, &stockade.CommandError{Code: string(stockade.InvalidArgs), Message: "a word is text"})
			return
		}
		for _, name := range i.of(word) {
			if !yield(name, nil) {
				return
			}
		}
	}
}
