// A worker that uses its bindings, package api, for each kind of call; prints what it finds.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"

	stockade "github.com/stockade-runtime/frontend-go"

	"editor/api"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx := context.Background()
	core := must(stockade.Connect(ctx))
	heard := make(chan string, 8)
	must(api.OnShopChanged(ctx, core, func(_ context.Context, item api.Item, event stockade.Event) {
		heard <- fmt.Sprintf("%s %s of %s", item.Name, item.Price, event.Source)
	}))
	everything := api.Everything{
		Number: -7, Real: 1.5, Text: "ü", Raw: []byte{0, 255}, Flag: true,
		When: "2024-05-01T10:00:00+00:00", Day: "2024-05-01", Hour: "10:30:00", Wait: 1.5,
		ID: "00000000-0000-0000-0000-000000000007", Amount: "1.50", Path: "notes/todo",
		Color: api.ColorLightBlue, Level: api.LevelHigh, Mode: "fast", Digit: 2,
		Names: []string{"a"}, Pair: api.IntAndStringTuple{Item0: 1, Item1: "one"}, Days: []api.Day{"2024-05-01"},
		Table: map[string][]api.Level{"a": {api.LevelLow}}, Maybe: api.Given(2.5), Either: "7",
		Shape:  map[string]any{"kind": "square", "side": 2.5},
		Shapes: []any{map[string]any{"kind": "circle", "radius": 1.5}, int64(7)}, Anything: []any{int64(1)},
		Type: "a word of many languages",
	}
	same := must(api.ShopSame(ctx, core, api.ShopSameArgs{Everything: everything}))
	fmt.Println(reflect.DeepEqual(same, everything))
	item := must(api.ShopBuy(ctx, core, api.ShopBuyArgs{Name: "cup", Count: api.Given[int64](2)}))
	fmt.Println(item.Name, item.Price, item.Color == api.ColorRed)
	_, err := api.ShopBuy(ctx, core, api.ShopBuyArgs{Name: "cup", Count: api.Given[int64](0)})
	var refused *stockade.CommandError
	fmt.Println(errors.As(err, &refused) && refused.Code == "shop.count")
	box := api.BoxInput{Items: []api.ItemInput{{Name: "lid", Price: "2"}}}
	put := must(api.ShopBox(ctx, core, api.ShopBoxArgs{Box: box, Person: api.Person{Name: "ada"}}))
	fmt.Println(len(put.Items), len(put.Boxes))
	for row, err := range api.ShopRows(ctx, core, api.ShopRowsArgs{After: api.Given[int64](1)}) {
		fmt.Print(must(row, err).Name, " ")
	}
	data, back := core.SendChannel(), core.ReceiveChannel(0)
	begun := must(api.ShopLoad(ctx, core, api.ShopLoadArgs{Data: data, Back: back, Factor: api.Given[int64](10)}))
	must(0, data.Send(ctx, box.Items[0]))
	data.End()
	sent := 0
	for _, err := range api.Items[*api.Item](back.All(ctx)) {
		must(0, err)
		sent++
	}
	fmt.Println(sent, must(begun.Result(ctx)))
	fmt.Println(must(api.ThumbsMake(ctx, core, api.ThumbsMakeArgs{Name: "cat"})).Name)
	fmt.Println(must(api.BareCall(ctx, core, stockade.Args{"x": 1})))
	must(0, api.EmitEditorOpened(ctx, core, api.Person{Name: "eve"}))
	fmt.Println(<-heard)
	fmt.Println("done")
	must(0, core.Close())
}
