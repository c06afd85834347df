#!/bin/sh
exec node_modules/.bin/next dev
