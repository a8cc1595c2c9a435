package potluck

// EventKind tells events apart.
type EventKind string

// The kinds of events.
const (
	EventAdded    EventKind = "added"
	EventProgress EventKind = "progress" // bytes or rates; who reads slowly gets only the latest of an object
	EventState    EventKind = "state"
	EventDone     EventKind = "done"    // every wanted byte is verified, on the disk and under its own name
	EventReach    EventKind = "reach"   // it was found out whether others find it; see [Object.Reach]
	EventAccused  EventKind = "accused" // a peer sent bad data; Text names it
	EventRemoved  EventKind = "removed"
	EventNetwork  EventKind = "network" // of no object: the way by [Options.Bind] or Proxy is closed, or open again; Text says which
)

// Event is something that happened to an object.
type Event struct {
	Kind   EventKind
	Object Object // as it is now
	Text   string // more about it; may be empty
}
