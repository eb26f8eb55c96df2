package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	environmentPrefix = "GATEHOUSE_"
	// configVariable names the file. It is no key: whoever calls Load has read it.
	configVariable = environmentPrefix + "CONFIG"
)

// oauth2serverVariables are those of oauth2server. A GATEHOUSE_ variable wins over them.
var oauth2serverVariables = map[string]func(cfg *Config, value string) error{
	"PORT": func(cfg *Config, value string) error {
		if _, err := strconv.ParseUint(value, 10, 16); err != nil {
			return fmt.Errorf("want a port number, not %q", value)
		}
		cfg.Listen = ":" + value // all interfaces, as oauth2server listened
		return nil
	},
	"JWT_SECRET":   func(cfg *Config, value string) error { cfg.JWTSecret = Secret(value); return nil },
	"DATABASE_URI": func(cfg *Config, value string) error { cfg.DatabaseURL = SecretURL(value); return nil },
	"DATABASE_MAX_CONNS": func(cfg *Config, value string) error {
		return setInt(&cfg.DatabaseMaxConns, value)
	},
	"LNDHUB_URL":  func(cfg *Config, value string) error { cfg.LNDHubURL = value; return nil },
	"TARGET_FILE": func(cfg *Config, value string) error { cfg.TargetsFile = value; return nil },
	"ACCESS_EXPIRY_SECONDS": func(cfg *Config, value string) error {
		return setSeconds(&cfg.AccessToken.Lifespan, value)
	},
	"REFRESH_EXPIRY_SECONDS": func(cfg *Config, value string) error {
		return setSeconds(&cfg.RefreshToken.Lifespan, value)
	},
}

func setSeconds(d *time.Duration, value string) error {
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return fmt.Errorf("want a number of seconds, not %q", value)
	}
	*d = time.Duration(seconds) * time.Second
	return nil
}

func setInt(n *int, value string) error {
	parsed, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("want a whole number, not %q", value)
	}
	*n = parsed
	return nil
}

// applyEnvironment changes cfg by the variables of environ, each name=value, as os.Environ returns them.
func applyEnvironment(cfg *Config, environ []string) []error {
	var problems []error
	variables := variablesOf(environ)
	for _, name := range slices.Sorted(maps.Keys(oauth2serverVariables)) {
		if value, ok := variables[name]; ok {
			if err := oauth2serverVariables[name](cfg, value); err != nil {
				problems = append(problems, fmt.Errorf("environment %s: %w", name, err))
			}
		}
	}
	known := []string{configVariable}
	walk(reflect.ValueOf(cfg).Elem(), nil, func(path []string, leaf reflect.Value) {
		name := environmentName(path)
		known = append(known, name)
		if value, ok := variables[name]; ok {
			if err := setLeaf(leaf, value); err != nil {
				problems = append(problems, fmt.Errorf("environment %s: %w", name, err))
			}
		}
		delete(variables, name)
	})
	return append(problems, unknownVariables(variables, known)...)
}

func variablesOf(environ []string) map[string]string {
	variables := make(map[string]string, len(environ))
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return variables
}

// unknownVariables reports each variable that looks like a key and is none: with a misspelt name a default would stay in
// place, perhaps an unsafe one. It names the known one that was probably meant.
func unknownVariables(variables map[string]string, known []string) []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if strings.HasPrefix(name, environmentPrefix) && name != configVariable && !isServiceLink(name, variables[name]) {
			problems = append(problems, fmt.Errorf("environment %s: there is no such key%s", name, didYouMean(name, known)))
		}
	}
	return problems
}

var serviceLink = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR))$`)

// isServiceLink holds for the variables that Kubernetes gives every container about a Service called gatehouse, or
// gatehouse-…: GATEHOUSE_SERVICE_HOST=10.0.0.1, GATEHOUSE_AUTHZ_PORT_80_TCP=tcp://10.0.0.1:80.
func isServiceLink(name, value string) bool {
	scheme, _, isURL := strings.Cut(value, "://")
	return serviceLink.MatchString(name) ||
		isURL && strings.Contains(name, "_PORT") && slices.Contains([]string{"tcp", "udp", "sctp"}, scheme)
}

func environmentName(path []string) string {
	return environmentPrefix + strings.ToUpper(strings.Join(path, "_"))
}

// noKey is the tag of a field that is no key.
const noKey = "-"

// walk visits every key that an environment variable can hold: all but lists of structures, and maps.
func walk(structure reflect.Value, path []string, visit func(path []string, leaf reflect.Value)) {
	for i := range structure.NumField() {
		field := structure.Type().Field(i)
		key := field.Tag.Get("yaml")
		at := append(path[:len(path):len(path)], key)
		switch value := structure.Field(i); {
		case key == noKey:
		case value.Kind() == reflect.Struct:
			walk(value, at, visit)
		case value.Kind() == reflect.Map:
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
		default:
			visit(at, value)
		}
	}
}

func setLeaf(leaf reflect.Value, value string) error {
	switch target := leaf.Addr().Interface().(type) {
	case *int:
		return setInt(target, value)
	case *int64:
		parsed, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("want a whole number, not %q", value)
		}
		*target = parsed
	case *bool:
		parsed, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("want true or false, not %q", value)
		}
		*target = parsed
	case *time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("want a duration such as 2h or 10s, not %q", value)
		}
		*target = d
	case *[]string:
		*target = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	default:
		leaf.SetString(value) // every other key is a string, a Secret or a SecretURL
	}
	return nil
}
