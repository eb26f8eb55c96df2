package lndhub

import (
	"crypto/rand"
)

// User is somebody with an account. A deleted one is suspended, too. Without a password nobody signs in.
type User struct {
	ID                   int64
	Login, Password      string
	Deactivated, Deleted bool
}

func (u User) isSuspended() bool { return u.Deactivated || u.Deleted }

// AddUser makes an account, with the user's id or, where that is 0, a new one. opening is what happened before, oldest first.
// It returns false when the id or the login is taken.
func (h *Hub) AddUser(u User, opening ...Invoice) (User, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.ID == 0 {
		for u.ID = 1; h.users[u.ID] != nil; u.ID++ {
		}
	}
	if h.users[u.ID] != nil || h.byLogin(u.Login) != nil {
		return u, false
	}
	h.add(u, opening)
	return u, true
}

// add makes the account. The caller holds mu.
func (h *Hub) add(u User, opening []Invoice) *account {
	a := &account{User: u}
	for _, past := range opening {
		a.record(past)
	}
	h.users[u.ID] = a
	return a
}

// User returns the user with that id.
func (h *Hub) User(id int64) (User, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.account(id); a != nil {
		return a.User, true
	}
	return User{}, false
}

// ChangeUser changes a user whom the hub knows.
func (h *Hub) ChangeUser(id int64, change func(*User)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.account(id); a != nil {
		change(&a.User)
	}
}

// account returns the account of a user, or nil. The caller holds mu.
func (h *Hub) account(id int64) *account {
	a := h.users[id]
	if a == nil && h.config.Unknown != nil {
		if u, opening, ok := h.config.Unknown(id); ok {
			a = h.add(u, opening)
		}
	}
	return a
}

// byLogin returns the account with that login, or nil. The caller holds mu.
func (h *Hub) byLogin(login string) *account {
	for _, a := range h.users {
		if a.Login == login {
			return a
		}
	}
	return nil
}

type tokensAnswer struct {
	RefreshToken string `json:"refresh_token"`
	AccessToken  string `json:"access_token"`
}

// auth trades login and password, or a refresh token, for tokens. That an account is suspended is said to who knows its
// password, and to nobody else.
func (h *Hub) auth(c *call) (any, *Refusal) {
	var body struct {
		Login        string `json:"login"`
		Password     string `json:"password"`
		RefreshToken string `json:"refresh_token"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	if body.Login == "" || body.Password == "" {
		if c.ParseForm() != nil {
			return nil, badArguments
		}
		if login, password := c.Form.Get("login"), c.Form.Get("password"); login != "" && password != "" {
			body.Login, body.Password = login, password
		}
	}
	u, ok := h.authenticate(body.Login, body.Password, body.RefreshToken)
	switch {
	case !ok:
		return nil, badAuth
	case u.isSuspended():
		return nil, suspended
	}
	access, accessErr := h.sign(u.ID, false, accessLifespan)
	refresh, refreshErr := h.sign(u.ID, true, refreshLifespan)
	if accessErr != nil || refreshErr != nil {
		return nil, badAuth
	}
	return tokensAnswer{RefreshToken: refresh, AccessToken: access}, nil
}

func (h *Hub) authenticate(login, password, refreshToken string) (User, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if login != "" || password != "" {
		a := h.byLogin(login)
		if a == nil || a.Password == "" || a.Password != password {
			return User{}, false
		}
		return a.User, true
	}
	said, err := h.verify(refreshToken)
	if err != nil || !said.IsRefresh {
		return User{}, false
	}
	if a := h.account(said.ID); a != nil {
		return a.User, true
	}
	return User{}, false
}

type createdUser struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	ID       int64  `json:"id,omitempty"` // v2 only
}

func (h *Hub) create(c *call) (any, *Refusal) {
	created, refused := h.newUser(c)
	created.ID = 0
	return created, refused
}

func (h *Hub) createV2(c *call) (any, *Refusal) { return h.newUser(c) }

func (h *Hub) newUser(c *call) (createdUser, *Refusal) {
	var body struct {
		Login    string `json:"login"`
		Password string `json:"password"`
	}
	if refused := c.bind(&body); refused != nil {
		return createdUser{}, refused
	}
	if body.Login == "" {
		body.Login = rand.Text()[:20]
	}
	if body.Password == "" {
		body.Password = rand.Text()[:20]
	}
	u, ok := h.AddUser(User{Login: body.Login, Password: body.Password})
	if !ok {
		return createdUser{}, badArguments
	}
	return createdUser{Login: u.Login, Password: u.Password, ID: u.ID}, nil
}

type updatedUser struct {
	Login       string `json:"login"`
	Deactivated bool   `json:"deactivated"`
	Deleted     bool   `json:"deleted"`
	ID          int64  `json:"id"`
}

// updateUser is how an operator suspends and deletes users. What was deleted stays so.
func (h *Hub) updateUser(c *call) (any, *Refusal) {
	var body struct {
		Login       *string `json:"login"`
		Password    *string `json:"password"`
		Deactivated *bool   `json:"deactivated"`
		Deleted     *bool   `json:"deleted"`
		ID          int64   `json:"id"`
	}
	if refused := c.bind(&body); refused != nil {
		return nil, refused
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.account(body.ID)
	if a == nil {
		return nil, badArguments
	}
	if body.Login != nil {
		a.Login = *body.Login
	}
	if body.Password != nil {
		a.Password = *body.Password
	}
	if body.Deactivated != nil {
		a.Deactivated = *body.Deactivated
	}
	if body.Deleted != nil && *body.Deleted {
		a.Deactivated, a.Deleted = true, true
	}
	return updatedUser{Login: a.Login, Deactivated: a.Deactivated, Deleted: a.Deleted, ID: a.ID}, nil
}
