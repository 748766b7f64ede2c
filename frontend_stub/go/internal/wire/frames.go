package wire

import "fmt"

// Frames are the raw ones behind a batch: each is to be referred to once.
type Frames struct {
	frames [][]byte
	left   int
}

// NewFrames is what came behind a batch.
func NewFrames(frames [][]byte) *Frames { return &Frames{frames, len(frames)} }

// Take is the frame of this index, from 1 on. An error is the core's fault.
func (f *Frames) Take(index int64) ([]byte, error) {
	if index < 1 || index > int64(len(f.frames)) || f.frames[index-1] == nil {
		return nil, fmt.Errorf("a raw frame %d that there is not, or that was referred to before", index)
	}
	frame := f.frames[index-1]
	f.frames[index-1] = nil
	f.left--
	return frame, nil
}

// CheckAllTaken says whether the batch has referred to all of them.
func (f *Frames) CheckAllTaken() error {
	switch {
	case len(f.frames) > MostFrames:
		return fmt.Errorf("%d raw frames behind a batch, where %d may be", len(f.frames), MostFrames)
	case f.left > 0:
		return fmt.Errorf("%d raw frames that no message refers to", f.left)
	}
	return nil
}
