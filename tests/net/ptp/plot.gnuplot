# SPDX-License-Identifier: BSD-2-Clause
# Offset over time, from the samples of demo.sh: offset in ns, delay, time in s. Variables: dir, svg.
set terminal svg size 900,640 font "sans-serif,13" background "white"
set output svg
set multiplot layout 2,1 margins 0.09,0.97,0.09,0.94 spacing 0.15
set grid lc rgb "#dddddd"
set ylabel "offset of the client, µs"
set border 3
set tics nomirror
name(k) = sprintf("%s/%s.samples", dir, k)
first(k) = real(system("awk 'NR == 1 { print $3 }' ".name(k)))
set title "UDP/IPv4, one way of 50 µs, one of 350 µs: the true offset is 0"
set xlabel "s" offset 0,0.5
set yrange [-250:100]
set key at graph 0.99,0.62 right
ip = first("ip_asym_us"); asym = first("lsp_asym_us")
short = first("corouted_short_us"); long = first("corouted_long_us")
plot name("ip_asym_us") u ($3-ip):($1/1000) w lp pt 7 ps 0.3 lc rgb "#c0392b" t "IP: there by one, back by the other", \
     name("lsp_asym_us") u ($3-asym):($1/1000) w lp pt 7 ps 0.3 lc rgb "#e59866" t "labels, not co-routed", \
     name("corouted_short_us") u ($3-short):($1/1000) w lp pt 7 ps 0.3 lc rgb "#1f77b4" t "tunnel by the 50 µs way", \
     name("corouted_long_us") u ($3-long):($1/1000) w lp pt 7 ps 0.3 lc rgb "#2ca02c" t "tunnel by the 350 µs way"
set title "The 50 µs way fails at 0: both directions go to the 350 µs way together"
set xlabel "s since the failure" offset 0,0.5
set yrange [-100:350]
set key at graph 0.99,0.85 right
set arrow from 0, graph 0 to 0, graph 1 nohead dt 2 lc rgb "#888888"
plot name("switch") u 3:($1/1000) w lp pt 7 ps 0.3 lc rgb "#1f77b4" t "tunnel with protection"
unset multiplot
