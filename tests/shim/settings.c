/* The settings in the environment, and the language of rules. */
#define _GNU_SOURCE
#include "faultshim.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISK (BIT(WRITE) | BIT(OPEN) | BIT(LINK) | BIT(RENAME) | BIT(MKDIR))

enum { BAD_SETTING = 97, ERRNO_END = 4096 };

static const char *const kind_names[KINDS] = {
    "write", "fsync", "rename", "link", "unlink", "open", "truncate", "mkdir", "send"};

struct settings settings;

_Noreturn void reject(const char *setting)
{
    dprintf(2, "faultshim: cannot understand or use %s\n", setting);
    _exit(BAD_SETTING);
}

double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end) reject(text);
    return value;
}

static unsigned kinds_named(const char *name)
{
    for (int kind = 0; kind < KINDS; kind++)
        if (!strcmp(name, kind_names[kind])) return BIT(kind);
    if (!strcmp(name, "disk")) return DISK;
    if (!strcmp(name, "files")) return ALL & ~BIT(SEND);
    reject(name);
}

static int errno_named(const char *name)
{
    if (!strcmp(name, "HANG")) return HANG;
    if (*name >= '0' && *name <= '9') return number(name);
    for (int error = 1; error < ERRNO_END; error++) {
        const char *known = strerrorname_np(error);
        if (known && !strcmp(name, known)) return error;
    }
    reject(name);
}

struct rule parse_rule(char *text, enum action action)
{
    char *parts[4], *rest;
    int n = 0;
    for (char *part = strtok_r(text, ":", &rest); part && n < 4; part = strtok_r(NULL, ":", &rest))
        parts[n++] = part;
    if (n < 1 || n > 3) reject(text);
    struct rule rule = {action, n > 1 ? kinds_named(parts[0]) : DISK, 1, UINT64_MAX, 0};
    if (n == 3) {
        char *dash = strchr(parts[1], '-');
        if (dash) *dash = '\0';
        rule.first = rule.last = number(parts[1]);
        if (dash) rule.last = dash[1] ? number(dash + 1) : UINT64_MAX;
    }
    rule.value = action == REFUSE ? errno_named(parts[n - 1]) : number(parts[n - 1]);
    return rule;
}

static void add_rules(const char *setting, enum action action)
{
    char text[CONTROL_SIZE * 4], *rest;
    size_t size = snprintf(text, sizeof text, "%s", getenv(setting) ?: "");
    if (size >= sizeof text) reject(setting);
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (settings.rule_count == MAX_RULES) reject(setting);
        settings.rules[settings.rule_count++] = parse_rule(word, action);
    }
}

static double number_setting(const char *name)
{
    const char *text = getenv(name);
    return text ? number(text) : 0;
}

static const char *text_setting(const char *name)
{
    const char *text = getenv(name);
    return text ? strdup(text) : NULL; /* programs that set their title overwrite the environment */
}

static unsigned chosen_kinds(void)
{
    char text[256], *rest;
    unsigned kinds = 0;
    snprintf(text, sizeof text, "%s", getenv("FAULT_KINDS") ?: "");
    for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        kinds |= kinds_named(name);
    return kinds ? kinds : ALL;
}

__attribute__((constructor)) static void read_settings(void)
{
    settings.path_part = text_setting("FAULT_PATH") ?: "";
    settings.control = text_setting("FAULT_CONTROL");
    settings.count_file = text_setting("FAULT_COUNT_FILE");
    settings.kill_before = number_setting("FAULT_KILL");
    settings.kill_after = number_setting("FAULT_KILL_AFTER");
    settings.clock = number_setting("FAULT_CLOCK");
    settings.no_locks = number_setting("FAULT_NOLOCK");
    add_rules("FAULT_ERRNO", REFUSE);
    add_rules("FAULT_SHORT", SHORTEN);
    add_rules("FAULT_DELAY", DELAY);
    if (settings.count_file) {
        share_counts();
        pthread_atfork(NULL, NULL, share_counts);
    }
    settings.kinds = chosen_kinds();
}
