// SPDX-License-Identifier: Apache-2.0
// The report of verify as one page that can be sent around: the table and two charts drawn in it.
// Everything that is not ours is escaped; nothing is fetched from anywhere.
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "doctor/verify.h"

enum {
    BAR_LEFT = 430, // where bars begin; names stand before
    BAR_WIDTH = 420,
    LINE_HEIGHT = 30,
    BAR_HEIGHT = 11,
};

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<title>handfast verify</title>\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;"
    "color:#222;background:#fff}\n"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd;vertical-align:top}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "tr.good td:first-child{border-left:4px solid #2a7}\n"
    "tr.bad td:first-child{border-left:4px solid #c33}\n"
    "tr.none td:first-child{border-left:4px solid #bbb}\n"
    ".small{color:#666;font-size:.9em}\n"
    "svg{width:100%;max-width:900px;height:auto}\n"
    "svg text{font:12px system-ui,sans-serif;fill:#222}\n"
    ".via{fill:#2a78b8}.direct{fill:#b9cfe0}.legs{fill:#7a9c59}\n"
    "</style></head><body>\n";

static void put(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else if ((unsigned char)*text >= ' ')
            fputc(*text, out);
    }
}

static void put_cell(FILE *out, const char *text)
{
    fputs("<td>", out);
    put(out, text);
    fputs("</td>", out);
}

static double ms(int64_t us)
{
    return (double)us / (double)US_PER_MS;
}

static void put_time(FILE *out, bool is_known, int64_t us)
{
    if (is_known)
        fprintf(out, "<td class=n>%.1f</td>", ms(us));
    else
        fputs("<td class=n></td>", out);
}

// ---- the table

static const char *class_of(const struct verify_row *row)
{
    if (!verify_row_holds(row))
        return "bad";
    return row->outcome == OUTCOME_OK ? "good" : "none";
}

static void put_works(FILE *out, const struct verify_row *row)
{
    fputs("<td>", out);
    put(out, row->outcome == OUTCOME_OK ? verify_row_works(row) : row->problem);
    if (row->certificate[0]) {
        fputs("<br><span class=small>", out);
        put(out, row->certificate);
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void put_row(FILE *out, const struct verify_row *row)
{
    char isolation[VERIFY_ISOLATION_MAX];
    bool has_both = row->us >= 0 && row->direct_us >= 0;

    fprintf(out, "<tr class=%s>", class_of(row));
    fputs("<td>", out);
    put(out, row->way);
    fputs("<br><span class=small>", out);
    put(out, verify_mode_word(row->mode));
    fputs(", ", out);
    put(out, row->url);
    fputs("</span></td>", out);
    put_cell(out, verify_scheme_word(row->scheme));
    put_works(out, row);
    fprintf(out, "<td class=n>%u</td>", row->legs);
    put_time(out, row->us >= 0, row->us);
    put_time(out, row->direct_us >= 0, row->direct_us);
    put_time(out, has_both, row->us - row->direct_us);
    put_cell(out, verify_isolation(row, isolation));
    put_cell(out, verify_reload_words(row));
    put_cell(out, verify_protection_word(row->protection));
    fputs("</tr>\n", out);
}

static void put_left_out(FILE *out, const struct verify_left_out *left_out)
{
    fputs("<tr class=none>", out);
    put_cell(out, left_out->site);
    fputs("<td></td><td colspan=8>not tried: ", out);
    put(out, left_out->why);
    fputs("</td></tr>\n", out);
}

static void put_table(FILE *out, const struct verify_report *report)
{
    fputs("<table><thead><tr><th>way<th>login<th>works<th>requests<th>ms<th>ms at the "
          "server<th>added ms<th>people<th>reload<th>Extended Protection</tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < report->row_count; i++)
        put_row(out, &report->rows[i]);
    for (size_t i = 0; i < report->left_out_count; i++)
        put_left_out(out, &report->left_out[i]);
    fputs("</tbody></table>\n", out);
}

// ---- the charts

static int64_t longest_us(const struct verify_report *report)
{
    int64_t longest = 1;

    for (size_t i = 0; i < report->row_count; i++) {
        const struct verify_row *row = &report->rows[i];
        longest = row->us > longest ? row->us : longest;
        longest = row->direct_us > longest ? row->direct_us : longest;
    }
    return longest;
}

static void put_bar(FILE *out, const char *class, size_t y, double part, const char *label)
{
    double width = part * BAR_WIDTH;

    fprintf(out,
            "<rect class=\"%s\" x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\"/>"
            "<text x=\"%.1f\" y=\"%zu\">%s</text>\n",
            class, BAR_LEFT, y, width, BAR_HEIGHT, BAR_LEFT + width + 5, y + BAR_HEIGHT - 1, label);
}

static void put_name(FILE *out, const struct verify_row *row, size_t y)
{
    fprintf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">", BAR_LEFT - 8, y + 15);
    put(out, row->way);
    fputs(", ", out);
    put(out, verify_scheme_word(row->scheme));
    fputs("</text>\n", out);
}

static size_t count_working(const struct verify_report *report)
{
    size_t count = 0;

    for (size_t i = 0; i < report->row_count; i++)
        count += report->rows[i].us >= 0;
    return count;
}

static void open_chart(FILE *out, const struct verify_report *report, const char *title,
                       const char *what)
{
    fprintf(out, "<h2>%s</h2><p class=small>%s</p>\n<svg role=\"img\" viewBox=\"0 0 920 %zu\">\n",
            title, what, count_working(report) * LINE_HEIGHT + 4);
}

static void put_times(FILE *out, const struct verify_report *report)
{
    double longest = (double)longest_us(report);
    char label[32];

    open_chart(out, report, "How long a login takes",
               "Median from connect to page, in milliseconds: dark through the load balancer, "
               "light at the server itself.");
    for (size_t i = 0, y = 2; i < report->row_count; i++) {
        const struct verify_row *row = &report->rows[i];
        if (row->us < 0)
            continue;
        put_name(out, row, y);
        snprintf(label, sizeof(label), "%.1f", ms(row->us));
        put_bar(out, "via", y, (double)row->us / longest, label);
        snprintf(label, sizeof(label), "%.1f", ms(row->direct_us));
        if (row->direct_us >= 0)
            put_bar(out, "direct", y + BAR_HEIGHT + 1, (double)row->direct_us / longest, label);
        y += LINE_HEIGHT;
    }
    fputs("</svg>\n", out);
}

static void put_legs(FILE *out, const struct verify_report *report)
{
    unsigned most = 1;
    char label[16];

    for (size_t i = 0; i < report->row_count; i++)
        most = report->rows[i].legs > most ? report->rows[i].legs : most;
    open_chart(
        out, report, "How many requests a login takes",
        "With the first one, which has no credentials, and the redirect where there is one.");
    for (size_t i = 0, y = 2; i < report->row_count; i++) {
        const struct verify_row *row = &report->rows[i];
        if (row->us < 0)
            continue;
        put_name(out, row, y);
        snprintf(label, sizeof(label), "%u", row->legs);
        put_bar(out, "legs", y + 5, (double)row->legs / most, label);
        y += LINE_HEIGHT;
    }
    fputs("</svg>\n", out);
}

void verify_html(const struct verify_report *report, const char *file, FILE *out)
{
    char when[64];
    struct tm tm;
    time_t now = time(NULL);

    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
    fputs(head, out);
    fprintf(out, "<h1>%s</h1>\n<p class=small>Measured by handfast verify %s on %s, with ",
            verify_summary(report), HANDFAST_VERSION, when);
    fprintf(out, "%u %s, of ", report->accounts, report->accounts == 1 ? "account" : "accounts");
    put(out, file);
    fputs(report->was_reloaded ? ", which was reloaded meanwhile.</p>\n" : ".</p>\n", out);
    put_table(out, report);
    if (count_working(report)) {
        put_times(out, report);
        put_legs(out, report);
    }
    fputs("</body></html>\n", out);
}
