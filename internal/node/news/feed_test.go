package news_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/node/news"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event(kind news.EventKind, id, text string) news.Event {
	return news.Event{Kind: kind, Object: news.Object{ID: id}, Text: text}
}

// TestSlowReader: a slow reader gets the latest progress of each object, in the place of the first, and everything else.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f news.Feed
		var running sync.WaitGroup
		life, end := context.WithCancel(t.Context())
		if f.IsHeard() {
			t.Error("nobody listens yet")
		}
		out := f.Subscribe(t.Context(), life, &running)
		f.Publish(event(news.EventAdded, "a", "")) // waits to be taken
		synctest.Wait()
		for i := range 10_000 {
			f.Publish(event(news.EventProgress, "a", fmt.Sprint(i)))
			f.Publish(event(news.EventProgress, "b", fmt.Sprint(i)))
		}
		f.Publish(event(news.EventDone, "a", ""))
		for _, want := range []news.Event{
			event(news.EventAdded, "a", ""), event(news.EventProgress, "a", "9999"), event(news.EventProgress, "b", "9999"), event(news.EventDone, "a", ""),
		} {
			if got := <-out; got.Kind != want.Kind || got.Object.ID != want.Object.ID || got.Text != want.Text {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		end()
		if _, ok := <-out; ok {
			t.Error("it goes on after its life")
		}
		running.Wait()
		if f.IsHeard() {
			t.Error("the subscriber is kept")
		}
	})
}

// TestSubscribeEnds: whoever stops listening, or comes after the end, finds the channel closed.
func TestSubscribeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f news.Feed
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		out := f.Subscribe(ctx, t.Context(), &running)
		for range 5000 { // more than is kept for anybody
			f.Publish(event(news.EventState, "a", ""))
		}
		cancel()
		for range out {
		}
		f.Close()
		if _, ok := <-f.Subscribe(t.Context(), t.Context(), &running); ok {
			t.Error("news after the end")
		}
		running.Wait()
	})
}
