package page

import "time"

// Form is what every form of ours has.
type Form struct {
	Action string // as the browser has to ask for it
	Token  string // proves that the form is from a page that this browser got
	// Request is the authorization request that it is about; empty: none.
	Request string
}

// SignIn asks who the user is.
type SignIn struct {
	Service string // whose account it is: the name of the host
	// Application is who asks for access, if anybody does.
	Application string
	// Password is the form for login and password, HostSignIn the one that leads to the host application at Host. Each is nil
	// where there is no such way.
	Password, HostSignIn *Form
	Host                 string
	// Cancel goes back to the application; nil when there is none.
	Cancel *Form
	Login  string // to begin with
	// Failure says why the last try did not succeed; IsWrong, that login or password were wrong.
	Failure Message
	IsWrong bool
}

func (SignIn) template() string { return "sign_in.html" }

// Title implements View.
func (v SignIn) Title() Message {
	if v.Failure.key != "" {
		return Say("sign_in.title_failed", "failure", v.Failure)
	}
	return Say("sign_in.title")
}

// Consent asks whether an application may have what it asks for.
type Consent struct {
	Application string
	// Domain is where the answer goes, or else Scheme is which links the application on the device opens that gets it.
	Domain, Scheme string
	Scopes         []Scope
	Lasts          time.Duration // how long an access token will be good, if the client asked for something else than usual
	User           Message       // who is signed in
	Account        string        // where it can be taken back
	Decide         Form
	SignOut        Form
}

// Scope is one thing that an application asks for.
type Scope struct {
	Name        string
	Description Message
}

func (Consent) template() string { return "consent.html" }

// Title implements View.
func (Consent) Title() Message { return Say("consent.title") }

// Failure says that something cannot be done, and what the user can do.
type Failure struct {
	Heading Message
	Failure Message
	Detail  string // what the makers of the application may want to know, in English; empty: nothing
	Advice  Message
	// Link leads on, in the words of LinkText; empty: nowhere.
	Link     string
	LinkText Message
}

func (Failure) template() string { return "failure.html" }

// Title implements View.
func (v Failure) Title() Message { return v.Heading }

// Applications is the account of a user: what has access to it.
type Applications struct {
	Service      string  // whose account it is: the name of the host
	User         Message // who is signed in
	Applications []Application
	// DisconnectAll is where all are disconnected; empty: there are not several.
	DisconnectAll string
	Said          Message // what was just done
	SignOut       Form
}

// Application is one that has access.
type Application struct {
	Name       string
	Domain     string // where the last answer went
	Since      time.Time
	Scopes     []Scope
	Disconnect string // where it is disconnected
}

func (Applications) template() string { return "applications.html" }

// Title implements View.
func (Applications) Title() Message { return Say("applications.title") }

// Disconnect asks whether an application, or every one, is to lose its access.
type Disconnect struct {
	Service     string
	Application string // empty: every one
	Client      string // its ID; empty: every one
	Form        Form
	Back        string // where nothing is done
}

func (Disconnect) template() string { return "disconnect.html" }

// Title implements View.
func (v Disconnect) Title() Message {
	if v.Application == "" {
		return Say("disconnect.title_all")
	}
	return Say("disconnect.title", "application", v.Application)
}
