package session

import (
	"github.com/stockade-runtime/frontend-go/internal/wire"
)

// Credit is how many items a sender may be ahead of its receiver, unless the receiver says otherwise.
const Credit = 64

// End is this side's end of a channel, a *Sender or a *Receiver.
type End interface {
	end() *ending
	offer(id int64) map[string]any
	farewell() wire.Message
	reset()
}

// ending is what both ends are: id is 0 until the call that passes it is sent.
type ending struct {
	// Changed happens whenever there may be no reason to wait any more.
	Changed Signal
	// Over: nothing more goes over it. Err is why, if not because its sender has just ended it.
	Over bool
	Err  error

	id    int64
	bound bool
	// of is the call of the core's that has opened it, if one has.
	of *Handled
}

func (e *ending) end() *ending { return e }

// Sender is the end that sends.
type Sender struct {
	ending
	// Credit is how many items may be sent now.
	Credit int64
}

// Receiver is the end that receives, at most window items ahead of whoever takes them.
type Receiver struct {
	ending
	// Items have come and wait to be taken.
	Items         []any
	window        int64
	granted, owed int64
}

// NewReceiver makes one that is not passed by a call yet; window is 1 at least.
func NewReceiver(window int64) *Receiver { return &Receiver{window: window, granted: window} }

func (s *Sender) offer(id int64) map[string]any { return map[string]any{"id": id, "to": "callee"} }

func (r *Receiver) offer(id int64) map[string]any {
	return map[string]any{"id": id, "to": "caller", "credit": r.window}
}

func (s *Sender) farewell() wire.Message {
	if s.Err == nil {
		return wire.Say("end", s.id)
	}
	return wire.SayFault("end", s.id, AsFault(s.Err), wire.Depth-2)
}

func (r *Receiver) farewell() wire.Message { return wire.Say("drop", r.id) }

// reset: the call that passed it was not taken, and will be made again.
func (s *Sender) reset()   { s.id, s.Credit = 0, 0 }
func (r *Receiver) reset() { r.id = 0 }

// Moves says whether there is no reason to wait: there is credit, or there never will be.
func (s *Sender) Moves() bool { return s.Credit > 0 || s.Over }

// Moves says whether there is no reason to wait: an item is there, or none will come.
func (r *Receiver) Moves() bool { return len(r.Items) > 0 || r.Over }

// channels are all that are open, and the numbers of those that were. A worker numbers those that it opens odd, the
// core even.
type channels struct {
	outbox     *Outbox
	limits     *wire.Limits
	open       map[int64]End
	own        int64 // of those that are open, opened here
	lastOwn    int64
	lastOfCore int64
}

func newChannels(outbox *Outbox, limits *wire.Limits) *channels {
	return &channels{outbox: outbox, limits: limits, open: map[int64]End{}, lastOwn: -1}
}

func (c *channels) hasRoom(count int) bool { return c.own+int64(count) <= c.limits.Channels }

// openAll gives these the next ids: the option of the call that passes them.
func (c *channels) openAll(ends map[string]End) map[string]any {
	offers := make(map[string]any, len(ends))
	for name, end := range ends {
		c.lastOwn += 2
		end.end().id = c.lastOwn
		c.open[c.lastOwn] = end
		c.own++
		offers[name] = end.offer(c.lastOwn)
	}
	return offers
}

// unopen takes openAll back: the call could not be said, so its ids have never been used.
func (c *channels) unopen(ends map[string]End) {
	c.forget(ends)
	c.lastOwn -= 2 * int64(len(ends))
}

// sayEnded: the call that passes them has been put; what this side has ended while it was held is said now.
func (c *channels) sayEnded(ends map[string]End) {
	for _, end := range ends {
		if end.end().Over {
			c.remove(end)
			c.outbox.put(end.farewell())
		}
	}
}

// accept makes the channels that a call of the core's opens. As a receiver this side grants a first credit at once.
func (c *channels) accept(offers map[string]wire.Offer) (map[string]End, error) {
	last, ends := c.lastOfCore, map[string]End{}
	for name, offer := range offers {
		if offer.ID%2 != 0 || offer.ID <= last || c.open[offer.ID] != nil {
			return nil, broken("a call that opens channel %d, where the last was %d", offer.ID, last)
		}
		c.lastOfCore = max(c.lastOfCore, offer.ID)
		if offer.ToCallee {
			ends[name] = NewReceiver(Credit)
			c.outbox.put(wire.Say("credit", offer.ID, Credit))
		} else {
			ends[name] = &Sender{Credit: offer.Credit}
		}
		ends[name].end().id, ends[name].end().bound = offer.ID, true
		c.open[offer.ID] = ends[name]
	}
	return ends, nil
}

// -- what this worker says ---------------------------------------------------------------------------------------------

// send sends an item, for which there must be credit.
func (c *channels) send(sender *Sender, value any) error {
	message, err := wire.SayValue("item", sender.id, value, int(c.limits.Depth)-2)
	if err != nil {
		return err
	}
	if size := message.Size() + wire.LargestHead; int64(size) > c.limits.Message {
		return tooLarge("an item of %d bytes, where a message may have %d: send it in parts", size, c.limits.Message)
	}
	sender.Credit--
	c.outbox.put(message)
	return nil
}

// take is the next item, which must be there. What was taken is granted anew, half of the window at a time.
func (c *channels) take(receiver *Receiver) any {
	item := receiver.Items[0]
	receiver.Items[0] = nil
	receiver.Items = receiver.Items[1:]
	receiver.owed++
	if !receiver.Over && 2*receiver.owed >= receiver.window {
		receiver.granted += receiver.owed
		c.outbox.put(wire.Say("credit", receiver.id, receiver.owed))
		receiver.owed = 0
	}
	return item
}

// finish: this side ends it, a sender with an error if it could not send everything. Doing so again does nothing.
func (c *channels) finish(end End, err error) {
	e := end.end()
	if e.Over {
		return
	}
	isOpen := c.open[e.id] == end
	c.close(end, err)
	// The error that is about to answer a call that was stopped ends its channels too.
	if isStopped := e.of != nil && e.of.Stopped != nil && !e.of.Done; isOpen && !isStopped {
		c.outbox.put(end.farewell())
	}
}

// -- what the core says ------------------------------------------------------------------------------------------------

func (c *channels) item(number int64, value any) error {
	receiver, err := find[*Receiver](c, number, "an item")
	if receiver == nil || err != nil {
		return err
	}
	if receiver.granted == 0 {
		return broken("an item on channel %d over its credit", number)
	}
	receiver.granted--
	receiver.Items = append(receiver.Items, value)
	receiver.Changed.Fire()
	return nil
}

func (c *channels) ended(number int64, fault *wire.Fault) error {
	receiver, err := find[*Receiver](c, number, "an end")
	if receiver != nil {
		c.close(receiver, asError(fault))
	}
	return err
}

func (c *channels) credit(number, count int64) error {
	sender, err := find[*Sender](c, number, "a credit")
	if sender == nil || err != nil {
		return err
	}
	if count > wire.LargestID-sender.Credit {
		return broken("a credit of %d on channel %d", count, number)
	}
	sender.Credit += count
	sender.Changed.Fire()
	return nil
}

func (c *channels) dropped(number int64) error {
	sender, err := find[*Sender](c, number, "a drop")
	if sender != nil {
		c.close(sender, ErrDropped)
	}
	return err
}

// find is the open end of this kind; none, and no error, for one that has ended: what comes for it has crossed its end.
func find[Kind interface {
	*Sender | *Receiver
	End
}](c *channels, number int64, what string) (Kind, error) {
	end, isOpen := c.open[number]
	if !isOpen {
		last := c.lastOfCore
		if number%2 != 0 {
			last = c.lastOwn
		}
		if number > last || number == 0 {
			return nil, broken("%s on channel %d, which was never opened", what, number)
		}
		return nil, nil
	}
	found, fits := end.(Kind)
	if !fits {
		return nil, broken("%s on channel %d, from its wrong end", what, number)
	}
	return found, nil
}

// -- the end -----------------------------------------------------------------------------------------------------------

// close: it has ended, for both sides, and nothing more is said of it.
func (c *channels) close(end End, err error) {
	c.remove(end)
	if e := end.end(); !e.Over {
		e.Over, e.Err = true, err
		e.Changed.Fire()
	}
}

func (c *channels) remove(end End) {
	id := end.end().id
	if c.open[id] != end {
		return
	}
	delete(c.open, id)
	if id%2 != 0 {
		c.own--
	}
}

// forget: the call that opened them never ran, and will be made again.
func (c *channels) forget(ends map[string]End) {
	for _, end := range ends {
		c.remove(end)
		end.reset()
	}
}

func (c *channels) closeAll(err error) {
	for _, end := range c.open {
		c.close(end, err)
	}
}
