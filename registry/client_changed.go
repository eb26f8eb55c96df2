package registry

import "sync"

// clientListeners are told of changes to registered clients.
type clientListeners struct {
	mu   sync.Mutex
	tell []func(id string)
}

// OnClientChange has tell called, with the ID, whenever this Registry or a view of it may have changed, disabled or deleted a client that an
// operator has registered: after the transaction, and before the method returns that changed it. A change that failed, or whose outcome
// is not known, is told as well. What other processes change is not. tell must be safe for concurrent use.
func (r *Registry) OnClientChange(tell func(id string)) {
	r.clientListeners.mu.Lock()
	defer r.clientListeners.mu.Unlock()
	r.clientListeners.tell = append(r.clientListeners.tell, tell)
}

func (r *Registry) clientChanged(id string) {
	r.clientListeners.mu.Lock()
	tell := r.clientListeners.tell
	r.clientListeners.mu.Unlock()
	for _, listener := range tell {
		listener(id)
	}
}
