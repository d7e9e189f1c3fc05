// What libfastc.so shows to the command and to plugins. Everything else is hidden, so that a plugin cannot grow a
// dependency on an inside it should not see. Object libraries linked straight into a test see all of it.
#pragma once

#define FASTC_API __attribute__((visibility("default")))
