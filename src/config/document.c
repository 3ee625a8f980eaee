// SPDX-License-Identifier: Apache-2.0
// YAML text to a tree of nodes, with nothing printed: what the parser complains about becomes
// findings with line and column. Duplicate keys are let through here, because read.c can say more
// about them.
#include <libfyaml.h>

#include "base/check.h"
#include "config/load.h"

static struct fy_diag *diag_new(void)
{
    struct fy_diag_cfg config;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&config);
    CHECK(diag);
    fy_diag_set_collect_errors(diag, true);
    return diag;
}

static void add_syntax_errors(struct fy_diag *diag, struct findings *findings)
{
    void *at = NULL;
    struct fy_diag_error *error;
    size_t before = findings->errors;
    while ((error = fy_diag_errors_iterate(diag, &at))) {
        struct place place = {error->line > 0 ? (unsigned)error->line : 0,
                              error->column > 0 ? (unsigned)error->column : 0};
        findings_add(findings, FINDING_ERROR, place, NULL, NULL, NULL, "not valid YAML: %s",
                     error->msg);
    }
    if (findings->errors == before)
        findings_add(findings, FINDING_ERROR, (struct place){0}, NULL, NULL, NULL,
                     "not valid YAML");
}

static void refuse_second_document(struct fy_parser *parser, struct findings *findings)
{
    struct fy_document *second = fy_parse_load_document(parser);
    if (!second)
        return;
    const struct fy_mark *mark =
        fy_document_state_start_mark(fy_document_get_document_state(second));
    struct place place = {0};
    if (mark && mark->line >= 0)
        place = (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
    findings_add(findings, FINDING_ERROR, place, NULL, "one", "remove what follows ---",
                 "the file holds more than one YAML document");
    fy_document_destroy(second);
}

struct fy_document *document_parse(struct span yaml, struct findings *findings)
{
    struct fy_diag *diag = diag_new();
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE |
                 FYPCF_DISABLE_MMAP_OPT,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&config);
    CHECK(parser);
    struct fy_document *document = NULL;
    // the size 0 would mean "measure it with strlen"
    bool is_set =
        yaml.size && fy_parser_set_string(parser, (const char *)yaml.data, yaml.size) == 0;
    if (is_set)
        document = fy_parse_load_document(parser);
    if (document)
        refuse_second_document(parser, findings);
    if (fy_diag_got_error(diag)) {
        add_syntax_errors(diag, findings);
        fy_document_destroy(document);
        document = NULL;
    } else if (!document) {
        findings_add(findings, FINDING_ERROR, (struct place){0}, NULL, "listeners, sites and pools",
                     NULL, "the file is empty");
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return document;
}
