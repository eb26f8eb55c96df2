package page

import (
	"slices"
	"time"
)

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
	Advice  Message // what the user can do about it
}

func (SignIn) template() string { return "sign_in.html" }

// Title implements View.
func (v SignIn) Title() Message {
	if v.Failure.key != "" {
		return Say("sign_in.title_failed", "failure", v.Failure)
	}
	return Say("sign_in.title")
}

// Start says what this server is to a person who came by its address alone.
type Start struct {
	Service string // the name of the host
	Account string // where the user's applications are
}

func (Start) template() string { return "start.html" }

// Title implements View.
func (v Start) Title() Message { return Say("start.title", "service", v.Service) }

// Consent asks whether an application may have what it asks for.
type Consent struct {
	Application string
	Picture     string // of the application; shown where ShownPicture says so
	// Website is where the application says that it comes from, and Publisher the host of that; empty: it does not say.
	Website, Publisher string
	// Host is where the application describes itself, or else AnswersTo is where one leads that has registered itself: nobody at Service
	// has checked them. Where both are empty, somebody has. Shown changes with what it says about itself. IsOnlyLocal says that it runs
	// on the user's own device, and HasChanged that it described itself otherwise when it was allowed something.
	Service, Host, AnswersTo, Shown string
	IsOnlyLocal, HasChanged         bool
	// Domain is where the user goes after deciding, or else Scheme is which links the application on the device opens.
	Domain, Scheme string
	// IsConnected says that the application has access already, since the day of Since, and Held which of the things that it asks for.
	IsConnected bool
	Since       time.Time
	Held        []Scope
	Asked       []ScopeGroup // what else it asks for, the most that it could do first
	Budgets     []Budget     // how much of what it may spend
	// Resources are where it can use the access; none: where every application can.
	Resources []Resource
	// Lasts is how long the access lasts by itself, after each time that it was renewed if IsRenewed.
	Lasts     time.Duration
	IsRenewed bool
	Failure   Message // why the last answer could not be taken
	User      Message // who is signed in
	Account   string  // where it can be taken back
	Decide    Form
	SignOut   Form
}

// ShownPicture is the picture of the application; empty where it is none that a page shows.
func (v Consent) ShownPicture() string {
	if imageSource(v.Picture) == "" {
		return ""
	}
	return v.Picture
}

// Resource is where access is good.
type Resource struct {
	Name string // empty: it has none
	URL  string
}

// AsksToSpend reports whether it asks to spend what it may not yet. Then the budgets stand beside that.
func (v Consent) AsksToSpend() bool {
	return slices.ContainsFunc(v.Asked, func(g ScopeGroup) bool { return g.Spends })
}

// ScopeGroup is what lets an application do things of one kind.
type ScopeGroup struct {
	Heading Message
	Spends  bool
	Scopes  []Scope
}

// Scope is one thing that an application asks for, or has.
type Scope struct {
	Name        string
	Description Message
	Spends      bool
	Needed      bool // the application cannot do without it
	IsUnticked  bool // at first
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
	LastUsed   Message // when that was
	Scopes     []Scope
	Resources  []Resource // as in Consent
	Spending   []Spending
	Disconnect string // where it is disconnected
}

func (Applications) template() string { return "applications.html" }

// Title implements View.
func (Applications) Title() Message { return Say("applications.title") }

// Disconnect asks whether an application, or every one, is to lose its access.
type Disconnect struct {
	Service     string
	Application string        // empty: every one
	Client      string        // its ID; empty: every one
	Ends        []Application // those that lose it
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
