#!/bin/sh
exec node_modules/.bin/tsc --watch
