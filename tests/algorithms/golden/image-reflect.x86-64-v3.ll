define internal void @pack_row(ptr %to, ptr %from, i64 %step, i64 %position, ptr %tables, i1 %valid, float %fill0) #0 {
entry:
  br label %loop.1
loop.1:
  %v3 = phi i64 [ 0, %entry ], [ %v33, %done.21 ]
  %v4 = add i64 -1, %v3
  %v5 = icmp slt i64 %v4, 0
  %v6 = add i64 %v4, 1
  %v7 = sub i64 %v4, 40
  %v8 = add i64 %v7, 1
  %v9 = select i1 %v5, i64 %v6, i64 %v8
  %v10 = getelementptr i8, ptr %tables, i64 16
  %v11 = mul i64 %v9, 8
  %v12 = getelementptr i8, ptr %v10, i64 %v11
  %v13 = load i64, ptr %v12, align 8
  %v14 = select i1 %v5, float 0x0000000000000000, float 0x0000000000000000
  %v15 = icmp sge i64 %v13, 0
  br i1 %v15, label %done.17, label %else.16
else.16:
  %v18 = mul i64 %v3, 4
  %v19 = getelementptr i8, ptr %to, i64 %v18
  store float %v14, ptr %v19, align 4
  br label %done.17
done.17:
  br i1 %v15, label %then.20, label %done.21
then.20:
  br i1 %valid, label %done.23, label %else.22
else.22:
  %v24 = mul i64 %v3, 4
  %v25 = getelementptr i8, ptr %to, i64 %v24
  store float %fill0, ptr %v25, align 4
  br label %done.23
done.23:
  br i1 %valid, label %then.26, label %done.27
then.26:
  %v28 = mul i64 %v13, %step
  %v29 = getelementptr i8, ptr %from, i64 %v28
  %v30 = load float, ptr %v29, align 1
  %v31 = mul i64 %v3, 4
  %v32 = getelementptr i8, ptr %to, i64 %v31
  store float %v30, ptr %v32, align 4
  br label %done.27
done.27:
  br label %done.21
done.21:
  %v33 = add i64 %v3, 1
  %v34 = icmp slt i64 %v33, 1
  br i1 %v34, label %loop.1, label %done.2
done.2:
  br label %loop.35
loop.35:
  %v37 = phi i64 [ 41, %done.2 ], [ %v67, %done.55 ]
  %v38 = add i64 -1, %v37
  %v39 = icmp slt i64 %v38, 0
  %v40 = add i64 %v38, 1
  %v41 = sub i64 %v38, 40
  %v42 = add i64 %v41, 1
  %v43 = select i1 %v39, i64 %v40, i64 %v42
  %v44 = getelementptr i8, ptr %tables, i64 16
  %v45 = mul i64 %v43, 8
  %v46 = getelementptr i8, ptr %v44, i64 %v45
  %v47 = load i64, ptr %v46, align 8
  %v48 = select i1 %v39, float 0x0000000000000000, float 0x0000000000000000
  %v49 = icmp sge i64 %v47, 0
  br i1 %v49, label %done.51, label %else.50
else.50:
  %v52 = mul i64 %v37, 4
  %v53 = getelementptr i8, ptr %to, i64 %v52
  store float %v48, ptr %v53, align 4
  br label %done.51
done.51:
  br i1 %v49, label %then.54, label %done.55
then.54:
  br i1 %valid, label %done.57, label %else.56
else.56:
  %v58 = mul i64 %v37, 4
  %v59 = getelementptr i8, ptr %to, i64 %v58
  store float %fill0, ptr %v59, align 4
  br label %done.57
done.57:
  br i1 %valid, label %then.60, label %done.61
then.60:
  %v62 = mul i64 %v47, %step
  %v63 = getelementptr i8, ptr %from, i64 %v62
  %v64 = load float, ptr %v63, align 1
  %v65 = mul i64 %v37, 4
  %v66 = getelementptr i8, ptr %to, i64 %v65
  store float %v64, ptr %v66, align 4
  br label %done.61
done.61:
  br label %done.55
done.55:
  %v67 = add i64 %v37, 1
  %v68 = icmp slt i64 %v67, 42
  br i1 %v68, label %loop.35, label %done.36
done.36:
  br i1 %valid, label %done.70, label %else.69
else.69:
  br label %loop.71
loop.71:
  %v73 = phi i64 [ 1, %else.69 ], [ %v76, %loop.71 ]
  %v74 = mul i64 %v73, 4
  %v75 = getelementptr i8, ptr %to, i64 %v74
  store float %fill0, ptr %v75, align 4
  %v76 = add i64 %v73, 1
  %v77 = icmp slt i64 %v76, 41
  br i1 %v77, label %loop.71, label %done.72
done.72:
  br label %done.70
done.70:
  br i1 %valid, label %then.78, label %done.79
then.78:
  %v80 = icmp eq i64 %step, 4
  br i1 %v80, label %done.82, label %else.81
else.81:
  br label %loop.83
loop.83:
  %v85 = phi i64 [ 1, %else.81 ], [ %v92, %loop.83 ]
  %v86 = sub i64 %v85, 1
  %v87 = mul i64 %v86, %step
  %v88 = getelementptr i8, ptr %from, i64 %v87
  %v89 = load float, ptr %v88, align 1
  %v90 = mul i64 %v85, 4
  %v91 = getelementptr i8, ptr %to, i64 %v90
  store float %v89, ptr %v91, align 4
  %v92 = add i64 %v85, 1
  %v93 = icmp slt i64 %v92, 41
  br i1 %v93, label %loop.83, label %done.84
done.84:
  br label %done.82
done.82:
  br i1 %v80, label %then.94, label %done.95
then.94:
  br label %loop.96
loop.96:
  %v98 = phi i64 [ 1, %then.94 ], [ %v106, %loop.96 ]
  %v99 = call i64 @llvm.smin.i64(i64 %v98, i64 33)
  %v100 = sub i64 %v99, 1
  %v101 = mul i64 %v100, 4
  %v102 = getelementptr i8, ptr %from, i64 %v101
  %v103 = load <8 x float>, ptr %v102, align 1
  %v104 = mul i64 %v99, 4
  %v105 = getelementptr i8, ptr %to, i64 %v104
  store <8 x float> %v103, ptr %v105, align 4
  %v106 = add i64 %v98, 8
  %v107 = icmp slt i64 %v106, 41
  br i1 %v107, label %loop.96, label %done.97
done.97:
  br label %done.95
done.95:
  br label %done.79
done.79:
  ret void
}
define internal i64 @tile(ptr %image, ptr %kernel, ptr %bias, ptr %out) #0 {
entry:
  %v1 = load <8 x float>, ptr %image, align 4
  %v2 = getelementptr i8, ptr %image, i64 32
  %v3 = load <8 x float>, ptr %v2, align 4
  %v4 = load float, ptr %kernel, align 4
  %v5 = insertelement <8 x float> poison, float %v4, i64 0
  %v6 = shufflevector <8 x float> %v5, <8 x float> poison, <8 x i32> zeroinitializer
  %v7 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v1, <8 x float> %v6, <8 x float> splat (float 0x0000000000000000))
  %v8 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v3, <8 x float> %v6, <8 x float> splat (float 0x0000000000000000))
  %v9 = getelementptr i8, ptr %image, i64 192
  %v10 = load <8 x float>, ptr %v9, align 4
  %v11 = getelementptr i8, ptr %image, i64 224
  %v12 = load <8 x float>, ptr %v11, align 4
  %v13 = load float, ptr %kernel, align 4
  %v14 = insertelement <8 x float> poison, float %v13, i64 0
  %v15 = shufflevector <8 x float> %v14, <8 x float> poison, <8 x i32> zeroinitializer
  %v16 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v10, <8 x float> %v15, <8 x float> splat (float 0x0000000000000000))
  %v17 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v12, <8 x float> %v15, <8 x float> splat (float 0x0000000000000000))
  %v18 = getelementptr i8, ptr %kernel, i64 4
  %v19 = load float, ptr %v18, align 4
  %v20 = insertelement <8 x float> poison, float %v19, i64 0
  %v21 = shufflevector <8 x float> %v20, <8 x float> poison, <8 x i32> zeroinitializer
  %v22 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v10, <8 x float> %v21, <8 x float> %v7)
  %v23 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v12, <8 x float> %v21, <8 x float> %v8)
  %v24 = getelementptr i8, ptr %image, i64 384
  %v25 = load <8 x float>, ptr %v24, align 4
  %v26 = getelementptr i8, ptr %image, i64 416
  %v27 = load <8 x float>, ptr %v26, align 4
  %v28 = load float, ptr %kernel, align 4
  %v29 = insertelement <8 x float> poison, float %v28, i64 0
  %v30 = shufflevector <8 x float> %v29, <8 x float> poison, <8 x i32> zeroinitializer
  %v31 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v25, <8 x float> %v30, <8 x float> splat (float 0x0000000000000000))
  %v32 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v27, <8 x float> %v30, <8 x float> splat (float 0x0000000000000000))
  %v33 = getelementptr i8, ptr %kernel, i64 4
  %v34 = load float, ptr %v33, align 4
  %v35 = insertelement <8 x float> poison, float %v34, i64 0
  %v36 = shufflevector <8 x float> %v35, <8 x float> poison, <8 x i32> zeroinitializer
  %v37 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v25, <8 x float> %v36, <8 x float> %v16)
  %v38 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v27, <8 x float> %v36, <8 x float> %v17)
  %v39 = getelementptr i8, ptr %kernel, i64 8
  %v40 = load float, ptr %v39, align 4
  %v41 = insertelement <8 x float> poison, float %v40, i64 0
  %v42 = shufflevector <8 x float> %v41, <8 x float> poison, <8 x i32> zeroinitializer
  %v43 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v25, <8 x float> %v42, <8 x float> %v22)
  %v44 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v27, <8 x float> %v42, <8 x float> %v23)
  %v45 = getelementptr i8, ptr %image, i64 576
  %v46 = load <8 x float>, ptr %v45, align 4
  %v47 = getelementptr i8, ptr %image, i64 608
  %v48 = load <8 x float>, ptr %v47, align 4
  %v49 = getelementptr i8, ptr %kernel, i64 4
  %v50 = load float, ptr %v49, align 4
  %v51 = insertelement <8 x float> poison, float %v50, i64 0
  %v52 = shufflevector <8 x float> %v51, <8 x float> poison, <8 x i32> zeroinitializer
  %v53 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v46, <8 x float> %v52, <8 x float> %v31)
  %v54 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v48, <8 x float> %v52, <8 x float> %v32)
  %v55 = getelementptr i8, ptr %kernel, i64 8
  %v56 = load float, ptr %v55, align 4
  %v57 = insertelement <8 x float> poison, float %v56, i64 0
  %v58 = shufflevector <8 x float> %v57, <8 x float> poison, <8 x i32> zeroinitializer
  %v59 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v46, <8 x float> %v58, <8 x float> %v37)
  %v60 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v48, <8 x float> %v58, <8 x float> %v38)
  %v61 = getelementptr i8, ptr %image, i64 768
  %v62 = load <8 x float>, ptr %v61, align 4
  %v63 = getelementptr i8, ptr %image, i64 800
  %v64 = load <8 x float>, ptr %v63, align 4
  %v65 = getelementptr i8, ptr %kernel, i64 8
  %v66 = load float, ptr %v65, align 4
  %v67 = insertelement <8 x float> poison, float %v66, i64 0
  %v68 = shufflevector <8 x float> %v67, <8 x float> poison, <8 x i32> zeroinitializer
  %v69 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v62, <8 x float> %v68, <8 x float> %v53)
  %v70 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v64, <8 x float> %v68, <8 x float> %v54)
  %v71 = getelementptr i8, ptr %image, i64 4
  %v72 = getelementptr i8, ptr %kernel, i64 12
  %v73 = load <8 x float>, ptr %v71, align 4
  %v74 = getelementptr i8, ptr %v71, i64 32
  %v75 = load <8 x float>, ptr %v74, align 4
  %v76 = load float, ptr %v72, align 4
  %v77 = insertelement <8 x float> poison, float %v76, i64 0
  %v78 = shufflevector <8 x float> %v77, <8 x float> poison, <8 x i32> zeroinitializer
  %v79 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v73, <8 x float> %v78, <8 x float> %v43)
  %v80 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v75, <8 x float> %v78, <8 x float> %v44)
  %v81 = getelementptr i8, ptr %v71, i64 192
  %v82 = load <8 x float>, ptr %v81, align 4
  %v83 = getelementptr i8, ptr %v71, i64 224
  %v84 = load <8 x float>, ptr %v83, align 4
  %v85 = load float, ptr %v72, align 4
  %v86 = insertelement <8 x float> poison, float %v85, i64 0
  %v87 = shufflevector <8 x float> %v86, <8 x float> poison, <8 x i32> zeroinitializer
  %v88 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v82, <8 x float> %v87, <8 x float> %v59)
  %v89 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v84, <8 x float> %v87, <8 x float> %v60)
  %v90 = getelementptr i8, ptr %v72, i64 4
  %v91 = load float, ptr %v90, align 4
  %v92 = insertelement <8 x float> poison, float %v91, i64 0
  %v93 = shufflevector <8 x float> %v92, <8 x float> poison, <8 x i32> zeroinitializer
  %v94 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v82, <8 x float> %v93, <8 x float> %v79)
  %v95 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v84, <8 x float> %v93, <8 x float> %v80)
  %v96 = getelementptr i8, ptr %v71, i64 384
  %v97 = load <8 x float>, ptr %v96, align 4
  %v98 = getelementptr i8, ptr %v71, i64 416
  %v99 = load <8 x float>, ptr %v98, align 4
  %v100 = load float, ptr %v72, align 4
  %v101 = insertelement <8 x float> poison, float %v100, i64 0
  %v102 = shufflevector <8 x float> %v101, <8 x float> poison, <8 x i32> zeroinitializer
  %v103 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v97, <8 x float> %v102, <8 x float> %v69)
  %v104 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v99, <8 x float> %v102, <8 x float> %v70)
  %v105 = getelementptr i8, ptr %v72, i64 4
  %v106 = load float, ptr %v105, align 4
  %v107 = insertelement <8 x float> poison, float %v106, i64 0
  %v108 = shufflevector <8 x float> %v107, <8 x float> poison, <8 x i32> zeroinitializer
  %v109 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v97, <8 x float> %v108, <8 x float> %v88)
  %v110 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v99, <8 x float> %v108, <8 x float> %v89)
  %v111 = getelementptr i8, ptr %v72, i64 8
  %v112 = load float, ptr %v111, align 4
  %v113 = insertelement <8 x float> poison, float %v112, i64 0
  %v114 = shufflevector <8 x float> %v113, <8 x float> poison, <8 x i32> zeroinitializer
  %v115 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v97, <8 x float> %v114, <8 x float> %v94)
  %v116 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v99, <8 x float> %v114, <8 x float> %v95)
  %v117 = getelementptr i8, ptr %v71, i64 576
  %v118 = load <8 x float>, ptr %v117, align 4
  %v119 = getelementptr i8, ptr %v71, i64 608
  %v120 = load <8 x float>, ptr %v119, align 4
  %v121 = getelementptr i8, ptr %v72, i64 4
  %v122 = load float, ptr %v121, align 4
  %v123 = insertelement <8 x float> poison, float %v122, i64 0
  %v124 = shufflevector <8 x float> %v123, <8 x float> poison, <8 x i32> zeroinitializer
  %v125 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v118, <8 x float> %v124, <8 x float> %v103)
  %v126 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v120, <8 x float> %v124, <8 x float> %v104)
  %v127 = getelementptr i8, ptr %v72, i64 8
  %v128 = load float, ptr %v127, align 4
  %v129 = insertelement <8 x float> poison, float %v128, i64 0
  %v130 = shufflevector <8 x float> %v129, <8 x float> poison, <8 x i32> zeroinitializer
  %v131 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v118, <8 x float> %v130, <8 x float> %v109)
  %v132 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v120, <8 x float> %v130, <8 x float> %v110)
  %v133 = getelementptr i8, ptr %v71, i64 768
  %v134 = load <8 x float>, ptr %v133, align 4
  %v135 = getelementptr i8, ptr %v71, i64 800
  %v136 = load <8 x float>, ptr %v135, align 4
  %v137 = getelementptr i8, ptr %v72, i64 8
  %v138 = load float, ptr %v137, align 4
  %v139 = insertelement <8 x float> poison, float %v138, i64 0
  %v140 = shufflevector <8 x float> %v139, <8 x float> poison, <8 x i32> zeroinitializer
  %v141 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v134, <8 x float> %v140, <8 x float> %v125)
  %v142 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v136, <8 x float> %v140, <8 x float> %v126)
  %v143 = getelementptr i8, ptr %image, i64 8
  %v144 = getelementptr i8, ptr %kernel, i64 24
  %v145 = load <8 x float>, ptr %v143, align 4
  %v146 = getelementptr i8, ptr %v143, i64 32
  %v147 = load <8 x float>, ptr %v146, align 4
  %v148 = load float, ptr %v144, align 4
  %v149 = insertelement <8 x float> poison, float %v148, i64 0
  %v150 = shufflevector <8 x float> %v149, <8 x float> poison, <8 x i32> zeroinitializer
  %v151 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v145, <8 x float> %v150, <8 x float> %v115)
  %v152 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v147, <8 x float> %v150, <8 x float> %v116)
  %v153 = getelementptr i8, ptr %v143, i64 192
  %v154 = load <8 x float>, ptr %v153, align 4
  %v155 = getelementptr i8, ptr %v143, i64 224
  %v156 = load <8 x float>, ptr %v155, align 4
  %v157 = load float, ptr %v144, align 4
  %v158 = insertelement <8 x float> poison, float %v157, i64 0
  %v159 = shufflevector <8 x float> %v158, <8 x float> poison, <8 x i32> zeroinitializer
  %v160 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v154, <8 x float> %v159, <8 x float> %v131)
  %v161 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v156, <8 x float> %v159, <8 x float> %v132)
  %v162 = getelementptr i8, ptr %v144, i64 4
  %v163 = load float, ptr %v162, align 4
  %v164 = insertelement <8 x float> poison, float %v163, i64 0
  %v165 = shufflevector <8 x float> %v164, <8 x float> poison, <8 x i32> zeroinitializer
  %v166 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v154, <8 x float> %v165, <8 x float> %v151)
  %v167 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v156, <8 x float> %v165, <8 x float> %v152)
  %v168 = getelementptr i8, ptr %v143, i64 384
  %v169 = load <8 x float>, ptr %v168, align 4
  %v170 = getelementptr i8, ptr %v143, i64 416
  %v171 = load <8 x float>, ptr %v170, align 4
  %v172 = load float, ptr %v144, align 4
  %v173 = insertelement <8 x float> poison, float %v172, i64 0
  %v174 = shufflevector <8 x float> %v173, <8 x float> poison, <8 x i32> zeroinitializer
  %v175 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v169, <8 x float> %v174, <8 x float> %v141)
  %v176 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v171, <8 x float> %v174, <8 x float> %v142)
  %v177 = getelementptr i8, ptr %v144, i64 4
  %v178 = load float, ptr %v177, align 4
  %v179 = insertelement <8 x float> poison, float %v178, i64 0
  %v180 = shufflevector <8 x float> %v179, <8 x float> poison, <8 x i32> zeroinitializer
  %v181 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v169, <8 x float> %v180, <8 x float> %v160)
  %v182 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v171, <8 x float> %v180, <8 x float> %v161)
  %v183 = getelementptr i8, ptr %v144, i64 8
  %v184 = load float, ptr %v183, align 4
  %v185 = insertelement <8 x float> poison, float %v184, i64 0
  %v186 = shufflevector <8 x float> %v185, <8 x float> poison, <8 x i32> zeroinitializer
  %v187 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v169, <8 x float> %v186, <8 x float> %v166)
  %v188 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v171, <8 x float> %v186, <8 x float> %v167)
  %v189 = getelementptr i8, ptr %v143, i64 576
  %v190 = load <8 x float>, ptr %v189, align 4
  %v191 = getelementptr i8, ptr %v143, i64 608
  %v192 = load <8 x float>, ptr %v191, align 4
  %v193 = getelementptr i8, ptr %v144, i64 4
  %v194 = load float, ptr %v193, align 4
  %v195 = insertelement <8 x float> poison, float %v194, i64 0
  %v196 = shufflevector <8 x float> %v195, <8 x float> poison, <8 x i32> zeroinitializer
  %v197 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v190, <8 x float> %v196, <8 x float> %v175)
  %v198 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v192, <8 x float> %v196, <8 x float> %v176)
  %v199 = getelementptr i8, ptr %v144, i64 8
  %v200 = load float, ptr %v199, align 4
  %v201 = insertelement <8 x float> poison, float %v200, i64 0
  %v202 = shufflevector <8 x float> %v201, <8 x float> poison, <8 x i32> zeroinitializer
  %v203 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v190, <8 x float> %v202, <8 x float> %v181)
  %v204 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v192, <8 x float> %v202, <8 x float> %v182)
  %v205 = getelementptr i8, ptr %v143, i64 768
  %v206 = load <8 x float>, ptr %v205, align 4
  %v207 = getelementptr i8, ptr %v143, i64 800
  %v208 = load <8 x float>, ptr %v207, align 4
  %v209 = getelementptr i8, ptr %v144, i64 8
  %v210 = load float, ptr %v209, align 4
  %v211 = insertelement <8 x float> poison, float %v210, i64 0
  %v212 = shufflevector <8 x float> %v211, <8 x float> poison, <8 x i32> zeroinitializer
  %v213 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v206, <8 x float> %v212, <8 x float> %v197)
  %v214 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v208, <8 x float> %v212, <8 x float> %v198)
  %v215 = getelementptr i8, ptr %kernel, i64 36
  %v216 = getelementptr i8, ptr %image, i64 576
  %v217 = getelementptr i8, ptr %out, i64 160
  %v218 = getelementptr i8, ptr %out, i64 320
  store <8 x float> %v187, ptr %out, align 1
  store <8 x float> %v203, ptr %v217, align 1
  store <8 x float> %v213, ptr %v218, align 1
  %v219 = getelementptr i8, ptr %out, i64 32
  %v220 = getelementptr i8, ptr %out, i64 192
  %v221 = getelementptr i8, ptr %out, i64 352
  store <8 x float> %v188, ptr %v219, align 1
  store <8 x float> %v204, ptr %v220, align 1
  store <8 x float> %v214, ptr %v221, align 1
  ret i64 0
}
define internal void @work(ptr %context, i64 %item, i64 %slot) #0 {
entry:
  %v1 = load ptr, ptr %context, align 8
  %v2 = getelementptr i8, ptr %context, i64 8
  %v3 = load ptr, ptr %v2, align 8
  %v4 = getelementptr i8, ptr %context, i64 56
  %v5 = load i64, ptr %v4, align 8
  %v6 = getelementptr i8, ptr %context, i64 40
  %v7 = load ptr, ptr %v6, align 8
  %v8 = mul i64 %slot, 1600
  %v9 = getelementptr i8, ptr %v7, i64 %v8
  %v10 = getelementptr i8, ptr %context, i64 72
  %v11 = load i64, ptr %v10, align 8
  %v12 = getelementptr i8, ptr %context, i64 80
  %v13 = load i64, ptr %v12, align 8
  %v14 = getelementptr i8, ptr %context, i64 64
  %v15 = load i64, ptr %v14, align 8
  %v16 = getelementptr i8, ptr %context, i64 32
  %v17 = load ptr, ptr %v16, align 8
  br label %loop.18
loop.18:
  %v20 = phi i64 [ 0, %entry ], [ %v51, %done.26 ]
  %v21 = mul i64 %v20, %v15
  %v22 = getelementptr i8, ptr %v1, i64 %v21
  %v23 = mul i64 %v20, 1536
  %v24 = getelementptr i8, ptr %v9, i64 %v23
  br label %loop.25
loop.25:
  %v27 = phi i64 [ 0, %loop.18 ], [ %v49, %loop.25 ]
  %v28 = add i64 -1, %v27
  %v29 = mul i64 %v27, 192
  %v30 = getelementptr i8, ptr %v24, i64 %v29
  %v31 = icmp ult i64 %v28, 6
  %v32 = icmp slt i64 %v28, 0
  %v33 = add i64 %v28, 1
  %v34 = sub i64 %v28, 6
  %v35 = add i64 %v34, 1
  %v36 = select i1 %v32, i64 %v33, i64 %v35
  %v37 = select i1 %v31, i64 0, i64 %v36
  %v38 = mul i64 %v37, 8
  %v39 = getelementptr i8, ptr %v17, i64 %v38
  %v40 = load i64, ptr %v39, align 8
  %v41 = select i1 %v31, i64 %v28, i64 %v40
  %v42 = icmp slt i64 %v41, 0
  %v43 = select i1 %v32, float 0x0000000000000000, float 0x0000000000000000
  %v44 = select i1 %v42, float %v43, float 0x0000000000000000
  %v45 = select i1 %v42, i1 false, i1 true
  %v46 = select i1 %v42, i64 0, i64 %v41
  %v47 = mul i64 %v46, %v11
  %v48 = getelementptr i8, ptr %v22, i64 %v47
  call void @pack_row(ptr %v30, ptr %v48, i64 %v13, i64 -1, ptr %v17, i1 %v45, float %v44)
  %v49 = add i64 %v27, 1
  %v50 = icmp slt i64 %v49, 8
  br i1 %v50, label %loop.25, label %done.26
done.26:
  %v51 = add i64 %v20, 1
  %v52 = icmp slt i64 %v51, 1
  br i1 %v52, label %loop.18, label %done.19
done.19:
  br label %loop.53
loop.53:
  %v55 = phi i64 [ 0, %done.19 ], [ %v88, %done.66 ]
  %v56 = call i64 @llvm.smin.i64(i64 %v55, i64 0)
  %v57 = getelementptr i8, ptr %context, i64 16
  %v58 = load ptr, ptr %v57, align 8
  %v59 = mul i64 %v55, 36
  %v60 = getelementptr i8, ptr %v58, i64 %v59
  %v61 = getelementptr i8, ptr %context, i64 24
  %v62 = load ptr, ptr %v61, align 8
  %v63 = mul i64 %v56, 960
  %v64 = getelementptr i8, ptr %v3, i64 %v63
  br label %loop.65
loop.65:
  %v67 = phi i64 [ 0, %loop.53 ], [ %v86, %done.75 ]
  %v68 = mul i64 %v67, 3
  %v69 = call i64 @llvm.smin.i64(i64 %v68, i64 3)
  %v70 = mul i64 %v69, 192
  %v71 = getelementptr i8, ptr %v9, i64 %v70
  %v72 = mul i64 %v69, 160
  %v73 = getelementptr i8, ptr %v64, i64 %v72
  br label %loop.74
loop.74:
  %v76 = phi i64 [ 0, %loop.65 ], [ %v84, %loop.74 ]
  %v77 = mul i64 %v76, 16
  %v78 = call i64 @llvm.smin.i64(i64 %v77, i64 24)
  %v79 = mul i64 %v78, 4
  %v80 = getelementptr i8, ptr %v71, i64 %v79
  %v81 = mul i64 %v78, 4
  %v82 = getelementptr i8, ptr %v73, i64 %v81
  %v83 = call i64 @tile(ptr %v80, ptr %v60, ptr %v62, ptr %v82)
  %v84 = add i64 %v76, 1
  %v85 = icmp slt i64 %v84, 3
  br i1 %v85, label %loop.74, label %done.75
done.75:
  %v86 = add i64 %v67, 1
  %v87 = icmp slt i64 %v86, 2
  br i1 %v87, label %loop.65, label %done.66
done.66:
  %v88 = add i64 %v55, 1
  %v89 = icmp slt i64 %v88, 1
  br i1 %v89, label %loop.53, label %done.54
done.54:
  ret void
}
define i64 @entry(ptr %image, ptr %out, ptr %kernel, ptr %bias, ptr %tables, ptr %scratch, ptr %pool, ptr %run, i64 %participants) #0 {
entry:
  %v1 = alloca [128 x i8], align 64
  %v2 = getelementptr i8, ptr %image, i64 16
  %v3 = load ptr, ptr %v2, align 8
  %v4 = getelementptr i8, ptr %out, i64 16
  %v5 = load ptr, ptr %v4, align 8
  %v6 = getelementptr i8, ptr %kernel, i64 16
  %v7 = load ptr, ptr %v6, align 8
  %v8 = getelementptr i8, ptr %bias, i64 16
  %v9 = load ptr, ptr %v8, align 8
  store ptr %v3, ptr %v1, align 8
  %v10 = getelementptr i8, ptr %v1, i64 8
  store ptr %v5, ptr %v10, align 8
  %v11 = getelementptr i8, ptr %v1, i64 16
  store ptr %v7, ptr %v11, align 8
  %v12 = getelementptr i8, ptr %v1, i64 24
  store ptr %v9, ptr %v12, align 8
  %v13 = getelementptr i8, ptr %v1, i64 32
  store ptr %tables, ptr %v13, align 8
  %v14 = getelementptr i8, ptr %v1, i64 40
  store ptr %scratch, ptr %v14, align 8
  %v15 = getelementptr i8, ptr %v1, i64 48
  store i64 0, ptr %v15, align 8
  %v16 = getelementptr i8, ptr %image, i64 40
  %v17 = load ptr, ptr %v16, align 8
  %v18 = load i64, ptr %v17, align 8
  %v19 = getelementptr i8, ptr %v1, i64 56
  store i64 %v18, ptr %v19, align 8
  %v20 = getelementptr i8, ptr %v17, i64 8
  %v21 = load i64, ptr %v20, align 8
  %v22 = getelementptr i8, ptr %v1, i64 64
  store i64 %v21, ptr %v22, align 8
  %v23 = getelementptr i8, ptr %v17, i64 16
  %v24 = load i64, ptr %v23, align 8
  %v25 = getelementptr i8, ptr %v1, i64 72
  store i64 %v24, ptr %v25, align 8
  %v26 = getelementptr i8, ptr %v17, i64 24
  %v27 = load i64, ptr %v26, align 8
  %v28 = getelementptr i8, ptr %v1, i64 80
  store i64 %v27, ptr %v28, align 8
  %v29 = icmp slt i64 %participants, 2
  br i1 %v29, label %then.30, label %done.31
then.30:
  br label %loop.32
loop.32:
  %v34 = phi i64 [ 0, %then.30 ], [ %v35, %loop.32 ]
  call void @work(ptr %v1, i64 %v34, i64 0)
  %v35 = add i64 %v34, 1
  %v36 = icmp slt i64 %v35, 1
  br i1 %v36, label %loop.32, label %done.33
done.33:
  br label %done.31
done.31:
  br i1 %v29, label %done.38, label %else.37
else.37:
  call void %run(ptr %pool, ptr @work, ptr %v1, i64 1, i64 %participants)
  br label %done.38
done.38:
  %v39 = getelementptr i8, ptr %v1, i64 48
  %v40 = load i64, ptr %v39, align 8
  ret i64 %v40
}
declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare i64 @llvm.smin.i64(i64, i64)
attributes #0 = { nounwind "min-legal-vector-width"="512" "frame-pointer"="none" }
