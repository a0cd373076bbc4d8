"""A faithful local PostHog Tasks API over real HTTP: every rule of the server, every fault on a switch."""
