package wire

import "fmt"

const (
	// Protocol is the version that is spoken here.
	Protocol = 1
	// MostMessages are in no batch, whatever the limits say.
	MostMessages = 1024
	// MostFrames are the raw ones behind a batch.
	MostFrames = 63
)

// Limits is what the core takes; a Deadline (milliseconds) or a Rate (calls per second) of 0 is none.
type Limits struct {
	// Message is the bytes of a message on the commands socket, all frames together; Event those of an emit's frame.
	Message, Event int64
	// Batch is messages in one frame, Calls those in flight, Topics subscriptions.
	Batch, Calls, Topics int64
	// Depth is containers within each other, Channels those that this worker has open, Frames raw ones of a message.
	Depth, Channels, Frames int64
	Deadline                int64
	Rate                    float64
}

// Grants is what this worker may call, listen to and emit.
type Grants struct{ Commands, Listen, Emit *Grant }

// What the core may say: each of these is one verb.
type (
	// Welcome opens the conversation.
	Welcome struct {
		Worker     string
		Generation int64
		Core       string
		Limits     Limits
		Grants     Grants
	}
	// Refused is the answer to a hello that the core does not take.
	Refused struct{ Fault *Fault }
	// Call asks for a command that this worker exports.
	Call struct {
		ID        int64
		Command   string
		Arguments map[string]any
		Options   CallOptions
	}
	// Cancel ends a call of the core's.
	Cancel struct{ ID int64 }
	// Result answers a call; Raw is the index of the frame that has the value, or 0.
	Result struct {
		ID    int64
		Value any
		Raw   int64
	}
	// Refusal is the answer to a call that is an error.
	Refusal struct {
		ID    int64
		Fault *Fault
	}
	// Item is one item of a channel, Raw as in Result.
	Item struct {
		Channel int64
		Value   any
		Raw     int64
	}
	// End ends a channel: its sender has no more, or could not send all if there is a Fault.
	End struct {
		Channel int64
		Fault   *Fault
	}
	// Credit lets a sender send so many items more.
	Credit struct{ Channel, Count int64 }
	// Drop ends a channel: its receiver wants no more.
	Drop struct{ Channel int64 }
	// Listening grants a subscription.
	Listening struct{ Topic string }
	// Denied refuses one.
	Denied struct {
		Topic string
		Fault *Fault
	}
	// Missed tells of events that were dropped, up to this number.
	Missed struct{ Seq int64 }
	// Ping is to be answered with a Pong.
	Ping struct{ Number int64 }
	// Pong answers a Ping.
	Pong struct{ Number int64 }
	// Stop asks this worker to leave, within so many milliseconds.
	Stop struct{ Grace int64 }
	// Bye answers this worker's: so many of its emits have been handled.
	Bye struct{ Emitted int64 }
	// Breach says that this worker broke the protocol.
	Breach struct{ Code, Reason string }
)

// CallOptions is what a call of the core's says beside its arguments; a Deadline (milliseconds) below 0 is none.
type CallOptions struct {
	Deadline int64
	Caller   string
	Trace    string
	Channels map[string]Offer
	Raw      map[string]int64
	// Insists is an option that is not known here and may not be ignored, or "": the call has an answer that says so.
	Insists string
}

// Offer is a channel that a call of the core's opens.
type Offer struct {
	ID int64
	// ToCallee: this side receives; else it sends, beginning with Credit.
	ToCallee bool
	Credit   int64
}

// shapes has every verb that the core may say, and how what stands behind it is read.
var shapes = map[string]func(*reader) any{
	"welcome":   readWelcome,
	"refused":   func(r *reader) any { return Refused{fault(r, r.element(1))} },
	"call":      readCall,
	"cancel":    func(r *reader) any { return Cancel{r.number(1)} },
	"result":    func(r *reader) any { return Result{r.number(1), r.element(2), r.raw(3, r.element(2))} },
	"error":     func(r *reader) any { return Refusal{r.number(1), fault(r, r.element(2))} },
	"item":      func(r *reader) any { return Item{r.number(1), r.element(2), r.raw(3, r.element(2))} },
	"end":       readEnd,
	"credit":    func(r *reader) any { return Credit{r.number(1), r.positive(2)} },
	"drop":      func(r *reader) any { return Drop{r.number(1)} },
	"listening": func(r *reader) any { return Listening{r.text(r.element(1))} },
	"denied":    func(r *reader) any { return Denied{r.text(r.element(1)), fault(r, r.element(2))} },
	"missed":    func(r *reader) any { return Missed{r.number(1)} },
	"ping":      func(r *reader) any { return Ping{r.number(1)} },
	"pong":      func(r *reader) any { return Pong{r.number(1)} },
	"stop":      func(r *reader) any { return Stop{r.whole(r.within(r.element(1), "grace"))} },
	"bye":       func(r *reader) any { return Bye{r.whole(r.within(r.element(1), "emitted"))} },
	"breach":    readBreach,
}

// ReadBatch reads the first frame of a message of the core's, one at least. An error is the core's fault.
func ReadBatch(frame []byte) ([]any, error) {
	value, err := Decode(frame)
	if err != nil {
		return nil, fmt.Errorf("a frame that cannot be read: %w", err)
	}
	batch, isArray := value.([]any)
	if !isArray || len(batch) == 0 || len(batch) > MostMessages {
		return nil, fmt.Errorf("a frame that is no batch of 1 to %d messages", MostMessages)
	}
	return batch, nil
}

// Read reads one message of a batch, as one of the types above. An error is the core's fault.
func Read(message any) (any, error) {
	elements, _ := message.([]any)
	if len(elements) == 0 {
		return nil, fmt.Errorf("a message that is no array with a verb")
	}
	verb, isText := elements[0].(string)
	if !isText {
		return nil, fmt.Errorf("a message whose verb is no text")
	}
	read, known := shapes[verb]
	if !known {
		return nil, fmt.Errorf("an unknown verb, %q", verb)
	}
	r := &reader{elements: elements}
	said := read(r)
	if r.fault != "" {
		return nil, fmt.Errorf("%q with %s", verb, r.fault)
	}
	return said, nil
}

func readWelcome(r *reader) any {
	welcome := r.table(r.element(1))
	if r.fault != "" {
		return nil
	}
	grants := r.table(welcome["grants"])
	said := Welcome{
		Worker: r.text(welcome["worker"]), Generation: r.whole(welcome["generation"]), Core: r.text(welcome["core"]),
		Limits: limits(r, r.table(welcome["limits"])),
		Grants: Grants{
			Commands: grant(r, ".", grants["commands"]),
			Listen:   grant(r, "/", grants["listen"]),
			Emit:     grant(r, "/", grants["emit"]),
		},
	}
	r.whole(welcome["protocol"])
	return said
}

func limits(r *reader, table map[string]any) Limits {
	said := Limits{
		Message: r.whole(table["message"]), Event: r.whole(table["event"]), Batch: r.whole(table["batch"]),
		Calls: r.whole(table["calls"]), Topics: r.whole(table["topics"]), Depth: r.whole(table["depth"]),
		Channels: r.whole(table["channels"]), Frames: r.whole(table["frames"]),
	}
	if deadline, given := table["deadline"]; given {
		said.Deadline = r.whole(deadline)
	}
	if rate, given := table["rate"]; given {
		said.Rate = r.rate(rate)
	}
	return said
}

func grant(r *reader, separator string, element any) *Grant {
	table := r.table(element)
	return NewGrant(separator, r.texts(table["allow"]), r.texts(table["deny"]))
}

func readCall(r *reader) any {
	call := Call{ID: r.number(1), Command: r.text(r.element(2)), Arguments: r.table(r.element(3))}
	call.Options = CallOptions{Deadline: -1, Caller: "core"}
	if len(r.elements) <= 4 || r.fault != "" {
		return call
	}
	options := r.table(r.elements[4])
	call.Options.Insists = insisting(options)
	if deadline := options["deadline"]; deadline != nil {
		call.Options.Deadline = r.whole(deadline)
	}
	if caller, given := options["caller"]; given {
		call.Options.Caller = r.text(caller)
	}
	call.Options.Trace, _ = options["trace"].(string) // one that is none is ignored
	if channels, given := options["channels"]; given {
		call.Options.Channels = map[string]Offer{}
		for name, offered := range r.table(channels) {
			call.Options.Channels[name] = offer(r, r.table(offered))
		}
	}
	if raw, given := options["raw"]; given {
		call.Options.Raw = map[string]int64{}
		for name, index := range r.table(raw) {
			call.Options.Raw[name] = r.whole(index)
		}
	}
	return call
}

func offer(r *reader, table map[string]any) Offer {
	said := Offer{ID: r.whole(table["id"])}
	switch table["to"] {
	case "callee":
		said.ToCallee = true
	case "caller":
	default:
		r.refuse("a channel to neither callee nor caller")
	}
	if credit, given := table["credit"]; given {
		said.Credit = r.whole(credit)
	}
	return said
}

func readEnd(r *reader) any {
	end := End{Channel: r.number(1)}
	if len(r.elements) > 2 {
		end.Fault = fault(r, r.elements[2])
	}
	return end
}

func readBreach(r *reader) any {
	return Breach{r.text(r.within(r.element(1), "code")), r.text(r.within(r.element(1), "reason"))}
}

func fault(r *reader, element any) *Fault {
	table := r.table(element)
	if r.fault != "" {
		return nil
	}
	return &Fault{Code: r.text(table["code"]), Message: r.text(table["message"]), Data: table["data"]}
}
