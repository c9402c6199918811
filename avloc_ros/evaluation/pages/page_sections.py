"""The sections of the page that not every evaluation has."""

from __future__ import annotations

TABLE1 = """{% if m.table1 %}
<h2>The DSW paper's Table 1 on these recordings</h2>
<p>Figures of the paper: <b>{{ m.table1.paper_data }}</b>, threshold 0.75; its LE compares with "LE cells". Several weight
files: mean ± standard deviation over seeds. Look-ahead of the audio
tracker: {{ "%.0f" | format(1e3 * m.table1.look_ahead_s) }} ms.</p>
<table><tr><th>system</th><th>threshold</th><th>LE cells px</th><th>LE px</th><th>FR</th><th>FP</th>
<th>at 0.75: LE cells</th><th>LE px</th><th>FR</th><th>FP</th><th>paper LE</th><th>FR</th><th>FP</th></tr>
{% for name, row in m.table1.rows.items() %}<tr><td>{{ name }}</td><td>{{ row.threshold | n }}</td>
{% for at in ("own", "at_0.75") %}{% for figure in ("le_cell_px_mean", "le_px_mean", "frame_recall", "false_positives") %}
<td>{{ row[at][figure] | spread }}</td>{% endfor %}{% endfor %}
{% for figure in ("le_px", "frame_recall", "false_positives") %}
<td class="paper">{{ (row.paper or {}).get(figure) | n }}</td>{% endfor %}</tr>
{% endfor %}</table>
{% for name, reason in m.table1.left_out.items() %}<p class="no">Left out: {{ name }}: {{ reason }}</p>{% endfor %}
{% if m.table1.spatial_against %}<h3>Spatial weights against each other row</h3>
<p>Paired bootstrap over recordings, 95 %: ratios of LE (below 1: spatial is better) and differences of FR and FP.</p>
<table><tr><th>against</th><th>LE cells ratio</th><th>LE px ratio</th><th>FR difference</th><th>FP difference</th></tr>
{% for other, all in m.table1.spatial_against.items() %}
{% for talkers, row in [("", all)] + (all.by_talkers | default({})).items() | list %}
<tr><td>{{ other }}{% if talkers %}, {{ talkers }} talkers{% endif %}</td>
{% for key in ("le_cell_px_mean_ratio", "le_px_mean_ratio") %}<td>{% if row[key] %}{{ row[key].ratio | n }}
 [{{ row[key].low | n }}, {{ row[key].high | n }}]{% else %}-{% endif %}</td>{% endfor %}
{% for key in ("frame_recall", "false_positives") %}<td{% if not row[key].excludes_zero %} class="no"{% endif %}>
{{ row[key].difference | n }} [{{ row[key].low | n }}, {{ row[key].high | n }}]</td>{% endfor %}</tr>
{% endfor %}{% endfor %}</table>{% endif %}
<h3>By number of talkers in the picture, own thresholds</h3>
<table><tr><th>system</th><th>talkers</th><th>LE cells px</th><th>LE px</th><th>FR</th><th>FP</th><th>paper LE, FR</th></tr>
{% for name, row in m.table1.rows.items() %}{% for talkers, cells in row.by_talkers.items() %}
<tr><td>{{ name }}</td><td>{{ talkers }}</td>
{% for figure in ("le_cell_px_mean", "le_px_mean", "frame_recall", "false_positives") %}
<td>{{ cells[figure] | spread }}</td>{% endfor %}<td class="paper">
{% for count, le, fr in (row.paper or {}).by_talkers or () %}{% if count | string == talkers %}{{ le | n }}, {{ fr | n }}
{% endif %}{% endfor %}</td></tr>{% endfor %}{% endfor %}</table>
{% endif %}"""

DIFFERENCES = """{% if m.differences_95 %}<h2>{{ m.system }} minus the others</h2>
<p>Difference and its paired bootstrap interval of 95 % over recordings.</p>
<table><tr><th>against</th><th>LE px</th><th>LE cells px</th><th>FR</th><th>FP</th></tr>
{% for other, row in m.differences_95.items() %}<tr><td>{{ other }}</td>
{% for name in ("le_px_mean", "le_cell_px_mean", "frame_recall", "false_positives") %}
<td{% if not row[name].excludes_zero %} class="no"{% endif %}>{{ row[name].difference | n }}
 [{{ row[name].low | n }}, {{ row[name].high | n }}]</td>
{% endfor %}</tr>{% endfor %}</table>{% endif %}"""

GRID_SIZES = """{% if m.grid_sizes %}<h2>Accuracy against the size of the image grid</h2>
<p>LE px compares between sizes; LE cells is on the cells of each size.</p>
<table><tr><th>rows x columns</th><th>threshold</th><th>LE px</th><th>LE cells px</th><th>FR</th><th>FP</th><th></th></tr>
{% for row in m.grid_sizes %}<tr><td>{{ row.rows }} x {{ row.cols }}</td><td>{{ row.threshold | n }}</td>
{% for figure in ("le_px_mean", "le_cell_px_mean", "frame_recall", "false_positives") %}
<td>{{ row.get(figure) | n }}</td>{% endfor %}<td class="no">{{ row.note }}</td></tr>{% endfor %}</table>{% endif %}"""

SPLITS = """<h2>Apart</h2>
{% macro talkers(title, key) %}<h3>{{ title }}</h3>
<table><tr><th>system</th><th></th><th>talker frames</th><th>within 10 deg</th><th>median deg</th><th>missed</th><th>LE px</th>
</tr>{% for system, figures in systems.items() %}{% for name, row in (figures[key] or {}).items() %}
<tr><td>{{ system }}</td><td>{{ name | label }}</td><td>{{ row.talker_frames }}</td><td>{{ row.azimuth_within_10deg | n }}</td>
<td>{{ row.azimuth_error_deg_median | n }}</td><td>{{ row.missed | n }}</td><td>{{ row.le_px_mean | n }}</td></tr>
{% endfor %}{% endfor %}</table>{% endmacro %}
{{ talkers("By the number of those who speak", "by_speakers") }}
{{ talkers("On camera and off camera", "by_place") }}
{{ talkers("Standing and walking", "by_speed") }}
{% if m.by_trouble %}<h3>Inside and outside the troubled place</h3>
<table><tr><th>system</th><th>trouble</th><th></th><th>talker frames</th><th>within 10 deg</th><th>median deg</th><th>missed</th>
<th>LE px</th></tr>
{% for system, figures in systems.items() %}{% for kind, places in (figures.by_trouble or {}).items() %}
{% for name, row in places.items() %}<tr><td>{{ system }}</td><td>{{ kind | label }}</td><td>{{ name }}</td>
<td>{{ row.talker_frames }}</td><td>{{ row.azimuth_within_10deg | n }}</td><td>{{ row.azimuth_error_deg_median | n }}</td>
<td>{{ row.missed | n }}</td><td>{{ row.le_px_mean | n }}</td></tr>{% endfor %}{% endfor %}{% endfor %}</table>{% endif %}
{% if m.by_condition %}<h3>By condition of the scene</h3>
<table><tr><th>system</th><th>condition</th><th>recordings</th><th>LE px</th><th>LE cells px</th><th>FR</th><th>FP</th>
<th>within 10 deg</th><th>count right</th></tr>
{% for system, figures in systems.items() %}{% for name, row in (figures.by_condition or {}).items() %}
<tr><td>{{ system }}</td><td>{{ name | label }}</td><td>{{ row.recordings }}</td>
{% for figure in ("le_px_mean", "le_cell_px_mean", "frame_recall", "false_positives", "azimuth_within_10deg", "count_accuracy")
%}<td>{{ row.get(figure) | n }}</td>{% endfor %}</tr>{% endfor %}{% endfor %}</table>{% endif %}
{% if m.switches_per_minute %}<h3>Identity switches per minute of talkers' speech</h3>
<table><tr><th>talkers</th><th>who speak at once</th><th>who speak in the scene</th></tr>
{% set once, scene = m.switches_per_minute.by_speakers, m.switches_per_minute.by_talkers_of_scene %}
{% for number in (once | list + scene | list) | unique | sort %}<tr><td>{{ number }}</td><td>{{ once.get(number) | n }}</td>
<td>{{ scene.get(number) | n }}</td></tr>{% endfor %}</table>{% endif %}"""

SECTIONS = {"table1": TABLE1, "differences": DIFFERENCES, "grid_sizes": GRID_SIZES, "splits": SPLITS}
