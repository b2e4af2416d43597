define internal void @pack_row(ptr %to, ptr %from, i64 %step, i64 %position, ptr %tables, i1 %valid, float %fill0) #0 {
entry:
  br label %loop.1
loop.1:
  %v3 = phi i64 [ 0, %entry ], [ %v6, %loop.1 ]
  %v4 = mul i64 %v3, 4
  %v5 = getelementptr i8, ptr %to, i64 %v4
  store float 0x0000000000000000, ptr %v5, align 4
  %v6 = add i64 %v3, 1
  %v7 = icmp slt i64 %v6, 1
  br i1 %v7, label %loop.1, label %done.2
done.2:
  br label %loop.8
loop.8:
  %v10 = phi i64 [ 8, %done.2 ], [ %v13, %loop.8 ]
  %v11 = mul i64 %v10, 4
  %v12 = getelementptr i8, ptr %to, i64 %v11
  store float 0x0000000000000000, ptr %v12, align 4
  %v13 = add i64 %v10, 1
  %v14 = icmp slt i64 %v13, 9
  br i1 %v14, label %loop.8, label %done.9
done.9:
  br i1 %valid, label %done.16, label %else.15
else.15:
  br label %loop.17
loop.17:
  %v19 = phi i64 [ 1, %else.15 ], [ %v22, %loop.17 ]
  %v20 = mul i64 %v19, 4
  %v21 = getelementptr i8, ptr %to, i64 %v20
  store float %fill0, ptr %v21, align 4
  %v22 = add i64 %v19, 1
  %v23 = icmp slt i64 %v22, 8
  br i1 %v23, label %loop.17, label %done.18
done.18:
  br label %done.16
done.16:
  br i1 %valid, label %then.24, label %done.25
then.24:
  %v26 = icmp eq i64 %step, 4
  br i1 %v26, label %done.28, label %else.27
else.27:
  br label %loop.29
loop.29:
  %v31 = phi i64 [ 1, %else.27 ], [ %v38, %loop.29 ]
  %v32 = sub i64 %v31, 1
  %v33 = mul i64 %v32, %step
  %v34 = getelementptr i8, ptr %from, i64 %v33
  %v35 = load float, ptr %v34, align 1
  %v36 = mul i64 %v31, 4
  %v37 = getelementptr i8, ptr %to, i64 %v36
  store float %v35, ptr %v37, align 4
  %v38 = add i64 %v31, 1
  %v39 = icmp slt i64 %v38, 8
  br i1 %v39, label %loop.29, label %done.30
done.30:
  br label %done.28
done.28:
  br i1 %v26, label %then.40, label %done.41
then.40:
  br label %loop.42
loop.42:
  %v44 = phi i64 [ 1, %then.40 ], [ %v52, %loop.42 ]
  %v45 = call i64 @llvm.smin.i64(i64 %v44, i64 4)
  %v46 = sub i64 %v45, 1
  %v47 = mul i64 %v46, 4
  %v48 = getelementptr i8, ptr %from, i64 %v47
  %v49 = load <4 x float>, ptr %v48, align 1
  %v50 = mul i64 %v45, 4
  %v51 = getelementptr i8, ptr %to, i64 %v50
  store <4 x float> %v49, ptr %v51, align 4
  %v52 = add i64 %v44, 4
  %v53 = icmp slt i64 %v52, 8
  br i1 %v53, label %loop.42, label %done.43
done.43:
  br label %done.41
done.41:
  br label %done.25
done.25:
  ret void
}
define internal i64 @tile(ptr %image, ptr %kernel, ptr %bias, ptr %out, i64 %first, i64 %last) #0 {
entry:
  %v1 = call i64 @llvm.smax.i64(i64 %first, i64 0)
  %v2 = call i64 @llvm.smax.i64(i64 %last, i64 0)
  %v3 = call i64 @llvm.smin.i64(i64 %v1, i64 3)
  %v4 = call i64 @llvm.smin.i64(i64 %v2, i64 3)
  br label %loop.5
loop.5:
  %v7 = phi i64 [ 0, %entry ], [ %v95, %done.19 ]
  %v8 = phi ptr [ %image, %entry ], [ %v94, %done.19 ]
  %v9 = phi ptr [ %kernel, %entry ], [ %v93, %done.19 ]
  %v10 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v89, %done.19 ]
  %v11 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v90, %done.19 ]
  %v12 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v91, %done.19 ]
  %v13 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v92, %done.19 ]
  %v14 = mul i64 %v3, 36
  %v15 = getelementptr i8, ptr %v8, i64 %v14
  %v16 = mul i64 %v3, 48
  %v17 = getelementptr i8, ptr %v9, i64 %v16
  %v20 = icmp slt i64 %v3, %v4
  br i1 %v20, label %loop.18, label %done.19
loop.18:
  %v21 = phi i64 [ %v3, %loop.5 ], [ %v85, %loop.18 ]
  %v22 = phi ptr [ %v15, %loop.5 ], [ %v84, %loop.18 ]
  %v23 = phi ptr [ %v17, %loop.5 ], [ %v83, %loop.18 ]
  %v24 = phi <4 x float> [ %v10, %loop.5 ], [ %v72, %loop.18 ]
  %v25 = phi <4 x float> [ %v11, %loop.5 ], [ %v77, %loop.18 ]
  %v26 = phi <4 x float> [ %v12, %loop.5 ], [ %v82, %loop.18 ]
  %v27 = phi <4 x float> [ %v13, %loop.5 ], [ %v65, %loop.18 ]
  %v28 = load <4 x float>, ptr %v23, align 4
  %v29 = getelementptr i8, ptr %v22, i64 8
  %v30 = load float, ptr %v29, align 4
  %v31 = insertelement <4 x float> poison, float %v30, i64 0
  %v32 = shufflevector <4 x float> %v31, <4 x float> poison, <4 x i32> zeroinitializer
  %v33 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v32, <4 x float> %v28, <4 x float> %v25)
  %v34 = getelementptr i8, ptr %v22, i64 16
  %v35 = load float, ptr %v34, align 4
  %v36 = insertelement <4 x float> poison, float %v35, i64 0
  %v37 = shufflevector <4 x float> %v36, <4 x float> poison, <4 x i32> zeroinitializer
  %v38 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v37, <4 x float> %v28, <4 x float> %v26)
  %v39 = getelementptr i8, ptr %v22, i64 24
  %v40 = load float, ptr %v39, align 4
  %v41 = insertelement <4 x float> poison, float %v40, i64 0
  %v42 = shufflevector <4 x float> %v41, <4 x float> poison, <4 x i32> zeroinitializer
  %v43 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v42, <4 x float> %v28, <4 x float> %v27)
  %v44 = getelementptr i8, ptr %v22, i64 4
  %v45 = getelementptr i8, ptr %v23, i64 16
  %v46 = load <4 x float>, ptr %v45, align 4
  %v47 = load float, ptr %v44, align 4
  %v48 = insertelement <4 x float> poison, float %v47, i64 0
  %v49 = shufflevector <4 x float> %v48, <4 x float> poison, <4 x i32> zeroinitializer
  %v50 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v49, <4 x float> %v46, <4 x float> %v24)
  %v51 = getelementptr i8, ptr %v44, i64 8
  %v52 = load float, ptr %v51, align 4
  %v53 = insertelement <4 x float> poison, float %v52, i64 0
  %v54 = shufflevector <4 x float> %v53, <4 x float> poison, <4 x i32> zeroinitializer
  %v55 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v54, <4 x float> %v46, <4 x float> %v33)
  %v56 = getelementptr i8, ptr %v44, i64 16
  %v57 = load float, ptr %v56, align 4
  %v58 = insertelement <4 x float> poison, float %v57, i64 0
  %v59 = shufflevector <4 x float> %v58, <4 x float> poison, <4 x i32> zeroinitializer
  %v60 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v59, <4 x float> %v46, <4 x float> %v38)
  %v61 = getelementptr i8, ptr %v44, i64 24
  %v62 = load float, ptr %v61, align 4
  %v63 = insertelement <4 x float> poison, float %v62, i64 0
  %v64 = shufflevector <4 x float> %v63, <4 x float> poison, <4 x i32> zeroinitializer
  %v65 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v64, <4 x float> %v46, <4 x float> %v43)
  %v66 = getelementptr i8, ptr %v22, i64 8
  %v67 = getelementptr i8, ptr %v23, i64 32
  %v68 = load <4 x float>, ptr %v67, align 4
  %v69 = load float, ptr %v66, align 4
  %v70 = insertelement <4 x float> poison, float %v69, i64 0
  %v71 = shufflevector <4 x float> %v70, <4 x float> poison, <4 x i32> zeroinitializer
  %v72 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v71, <4 x float> %v68, <4 x float> %v50)
  %v73 = getelementptr i8, ptr %v66, i64 8
  %v74 = load float, ptr %v73, align 4
  %v75 = insertelement <4 x float> poison, float %v74, i64 0
  %v76 = shufflevector <4 x float> %v75, <4 x float> poison, <4 x i32> zeroinitializer
  %v77 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v76, <4 x float> %v68, <4 x float> %v55)
  %v78 = getelementptr i8, ptr %v66, i64 16
  %v79 = load float, ptr %v78, align 4
  %v80 = insertelement <4 x float> poison, float %v79, i64 0
  %v81 = shufflevector <4 x float> %v80, <4 x float> poison, <4 x i32> zeroinitializer
  %v82 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v81, <4 x float> %v68, <4 x float> %v60)
  %v83 = getelementptr i8, ptr %v23, i64 48
  %v84 = getelementptr i8, ptr %v22, i64 36
  %v85 = add i64 %v21, 1
  %v86 = icmp slt i64 %v85, %v4
  br i1 %v86, label %loop.18, label %done.19
done.19:
  %v87 = phi ptr [ %v15, %loop.5 ], [ %v84, %loop.18 ]
  %v88 = phi ptr [ %v17, %loop.5 ], [ %v83, %loop.18 ]
  %v89 = phi <4 x float> [ %v10, %loop.5 ], [ %v72, %loop.18 ]
  %v90 = phi <4 x float> [ %v11, %loop.5 ], [ %v77, %loop.18 ]
  %v91 = phi <4 x float> [ %v12, %loop.5 ], [ %v82, %loop.18 ]
  %v92 = phi <4 x float> [ %v13, %loop.5 ], [ %v65, %loop.18 ]
  %v93 = getelementptr i8, ptr %v9, i64 144
  %v94 = getelementptr i8, ptr %v8, i64 324
  %v95 = add i64 %v7, 1
  %v96 = icmp slt i64 %v95, 3
  br i1 %v96, label %loop.5, label %done.6
done.6:
  %v97 = load <4 x float>, ptr %bias, align 4
  %v98 = getelementptr i8, ptr %out, i64 4
  %v99 = getelementptr i8, ptr %out, i64 8
  %v100 = getelementptr i8, ptr %out, i64 12
  %v101 = fadd <4 x float> %v89, %v97
  %v102 = fcmp olt <4 x float> %v101, splat (float 0x0000000000000000)
  %v103 = select <4 x i1> %v102, <4 x float> splat (float 0x0000000000000000), <4 x float> %v101
  %v104 = fadd <4 x float> %v90, %v97
  %v105 = fcmp olt <4 x float> %v104, splat (float 0x0000000000000000)
  %v106 = select <4 x i1> %v105, <4 x float> splat (float 0x0000000000000000), <4 x float> %v104
  %v107 = fadd <4 x float> %v91, %v97
  %v108 = fcmp olt <4 x float> %v107, splat (float 0x0000000000000000)
  %v109 = select <4 x i1> %v108, <4 x float> splat (float 0x0000000000000000), <4 x float> %v107
  %v110 = fadd <4 x float> %v92, %v97
  %v111 = fcmp olt <4 x float> %v110, splat (float 0x0000000000000000)
  %v112 = select <4 x i1> %v111, <4 x float> splat (float 0x0000000000000000), <4 x float> %v110
  %v113 = shufflevector <4 x float> %v103, <4 x float> %v106, <4 x i32> <i32 0, i32 4, i32 1, i32 5>
  %v114 = shufflevector <4 x float> %v103, <4 x float> %v106, <4 x i32> <i32 2, i32 6, i32 3, i32 7>
  %v115 = shufflevector <4 x float> %v109, <4 x float> %v112, <4 x i32> <i32 0, i32 4, i32 1, i32 5>
  %v116 = shufflevector <4 x float> %v109, <4 x float> %v112, <4 x i32> <i32 2, i32 6, i32 3, i32 7>
  %v117 = shufflevector <4 x float> %v113, <4 x float> %v115, <4 x i32> <i32 0, i32 1, i32 4, i32 5>
  %v118 = shufflevector <4 x float> %v113, <4 x float> %v115, <4 x i32> <i32 2, i32 3, i32 6, i32 7>
  %v119 = shufflevector <4 x float> %v114, <4 x float> %v116, <4 x i32> <i32 0, i32 1, i32 4, i32 5>
  %v120 = shufflevector <4 x float> %v114, <4 x float> %v116, <4 x i32> <i32 2, i32 3, i32 6, i32 7>
  %v121 = shufflevector <4 x float> %v117, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  store <4 x float> %v121, ptr %out, align 1
  %v122 = shufflevector <4 x float> %v118, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v123 = getelementptr i8, ptr %out, i64 64
  store <4 x float> %v122, ptr %v123, align 1
  %v124 = shufflevector <4 x float> %v119, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v125 = getelementptr i8, ptr %out, i64 128
  store <4 x float> %v124, ptr %v125, align 1
  %v126 = shufflevector <4 x float> %v120, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v127 = getelementptr i8, ptr %out, i64 192
  store <4 x float> %v126, ptr %v127, align 1
  ret i64 0
}
define internal i64 @tile.all(ptr %image, ptr %kernel, ptr %bias, ptr %out, i64 %first, i64 %last) #0 {
entry:
  %v1 = call i64 @llvm.smax.i64(i64 %first, i64 0)
  %v2 = call i64 @llvm.smax.i64(i64 %last, i64 0)
  %v3 = call i64 @llvm.smin.i64(i64 %v1, i64 3)
  %v4 = call i64 @llvm.smin.i64(i64 %v2, i64 3)
  br label %loop.5
loop.5:
  %v7 = phi i64 [ 0, %entry ], [ %v104, %done.19 ]
  %v8 = phi ptr [ %image, %entry ], [ %v103, %done.19 ]
  %v9 = phi ptr [ %kernel, %entry ], [ %v102, %done.19 ]
  %v10 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v98, %done.19 ]
  %v11 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v99, %done.19 ]
  %v12 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v100, %done.19 ]
  %v13 = phi <4 x float> [ splat (float 0x0000000000000000), %entry ], [ %v101, %done.19 ]
  %v14 = mul i64 %v3, 36
  %v15 = getelementptr i8, ptr %v8, i64 %v14
  %v16 = mul i64 %v3, 48
  %v17 = getelementptr i8, ptr %v9, i64 %v16
  %v20 = icmp slt i64 %v3, %v4
  br i1 %v20, label %loop.18, label %done.19
loop.18:
  %v21 = phi i64 [ %v3, %loop.5 ], [ %v94, %loop.18 ]
  %v22 = phi ptr [ %v15, %loop.5 ], [ %v93, %loop.18 ]
  %v23 = phi ptr [ %v17, %loop.5 ], [ %v92, %loop.18 ]
  %v24 = phi <4 x float> [ %v10, %loop.5 ], [ %v76, %loop.18 ]
  %v25 = phi <4 x float> [ %v11, %loop.5 ], [ %v81, %loop.18 ]
  %v26 = phi <4 x float> [ %v12, %loop.5 ], [ %v86, %loop.18 ]
  %v27 = phi <4 x float> [ %v13, %loop.5 ], [ %v91, %loop.18 ]
  %v28 = load <4 x float>, ptr %v23, align 4
  %v29 = load float, ptr %v22, align 4
  %v30 = insertelement <4 x float> poison, float %v29, i64 0
  %v31 = shufflevector <4 x float> %v30, <4 x float> poison, <4 x i32> zeroinitializer
  %v32 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v31, <4 x float> %v28, <4 x float> %v24)
  %v33 = getelementptr i8, ptr %v22, i64 8
  %v34 = load float, ptr %v33, align 4
  %v35 = insertelement <4 x float> poison, float %v34, i64 0
  %v36 = shufflevector <4 x float> %v35, <4 x float> poison, <4 x i32> zeroinitializer
  %v37 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v36, <4 x float> %v28, <4 x float> %v25)
  %v38 = getelementptr i8, ptr %v22, i64 16
  %v39 = load float, ptr %v38, align 4
  %v40 = insertelement <4 x float> poison, float %v39, i64 0
  %v41 = shufflevector <4 x float> %v40, <4 x float> poison, <4 x i32> zeroinitializer
  %v42 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v41, <4 x float> %v28, <4 x float> %v26)
  %v43 = getelementptr i8, ptr %v22, i64 24
  %v44 = load float, ptr %v43, align 4
  %v45 = insertelement <4 x float> poison, float %v44, i64 0
  %v46 = shufflevector <4 x float> %v45, <4 x float> poison, <4 x i32> zeroinitializer
  %v47 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v46, <4 x float> %v28, <4 x float> %v27)
  %v48 = getelementptr i8, ptr %v22, i64 4
  %v49 = getelementptr i8, ptr %v23, i64 16
  %v50 = load <4 x float>, ptr %v49, align 4
  %v51 = load float, ptr %v48, align 4
  %v52 = insertelement <4 x float> poison, float %v51, i64 0
  %v53 = shufflevector <4 x float> %v52, <4 x float> poison, <4 x i32> zeroinitializer
  %v54 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v53, <4 x float> %v50, <4 x float> %v32)
  %v55 = getelementptr i8, ptr %v48, i64 8
  %v56 = load float, ptr %v55, align 4
  %v57 = insertelement <4 x float> poison, float %v56, i64 0
  %v58 = shufflevector <4 x float> %v57, <4 x float> poison, <4 x i32> zeroinitializer
  %v59 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v58, <4 x float> %v50, <4 x float> %v37)
  %v60 = getelementptr i8, ptr %v48, i64 16
  %v61 = load float, ptr %v60, align 4
  %v62 = insertelement <4 x float> poison, float %v61, i64 0
  %v63 = shufflevector <4 x float> %v62, <4 x float> poison, <4 x i32> zeroinitializer
  %v64 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v63, <4 x float> %v50, <4 x float> %v42)
  %v65 = getelementptr i8, ptr %v48, i64 24
  %v66 = load float, ptr %v65, align 4
  %v67 = insertelement <4 x float> poison, float %v66, i64 0
  %v68 = shufflevector <4 x float> %v67, <4 x float> poison, <4 x i32> zeroinitializer
  %v69 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v68, <4 x float> %v50, <4 x float> %v47)
  %v70 = getelementptr i8, ptr %v22, i64 8
  %v71 = getelementptr i8, ptr %v23, i64 32
  %v72 = load <4 x float>, ptr %v71, align 4
  %v73 = load float, ptr %v70, align 4
  %v74 = insertelement <4 x float> poison, float %v73, i64 0
  %v75 = shufflevector <4 x float> %v74, <4 x float> poison, <4 x i32> zeroinitializer
  %v76 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v75, <4 x float> %v72, <4 x float> %v54)
  %v77 = getelementptr i8, ptr %v70, i64 8
  %v78 = load float, ptr %v77, align 4
  %v79 = insertelement <4 x float> poison, float %v78, i64 0
  %v80 = shufflevector <4 x float> %v79, <4 x float> poison, <4 x i32> zeroinitializer
  %v81 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v80, <4 x float> %v72, <4 x float> %v59)
  %v82 = getelementptr i8, ptr %v70, i64 16
  %v83 = load float, ptr %v82, align 4
  %v84 = insertelement <4 x float> poison, float %v83, i64 0
  %v85 = shufflevector <4 x float> %v84, <4 x float> poison, <4 x i32> zeroinitializer
  %v86 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v85, <4 x float> %v72, <4 x float> %v64)
  %v87 = getelementptr i8, ptr %v70, i64 24
  %v88 = load float, ptr %v87, align 4
  %v89 = insertelement <4 x float> poison, float %v88, i64 0
  %v90 = shufflevector <4 x float> %v89, <4 x float> poison, <4 x i32> zeroinitializer
  %v91 = call <4 x float> @llvm.fma.v4f32(<4 x float> %v90, <4 x float> %v72, <4 x float> %v69)
  %v92 = getelementptr i8, ptr %v23, i64 48
  %v93 = getelementptr i8, ptr %v22, i64 36
  %v94 = add i64 %v21, 1
  %v95 = icmp slt i64 %v94, %v4
  br i1 %v95, label %loop.18, label %done.19
done.19:
  %v96 = phi ptr [ %v15, %loop.5 ], [ %v93, %loop.18 ]
  %v97 = phi ptr [ %v17, %loop.5 ], [ %v92, %loop.18 ]
  %v98 = phi <4 x float> [ %v10, %loop.5 ], [ %v76, %loop.18 ]
  %v99 = phi <4 x float> [ %v11, %loop.5 ], [ %v81, %loop.18 ]
  %v100 = phi <4 x float> [ %v12, %loop.5 ], [ %v86, %loop.18 ]
  %v101 = phi <4 x float> [ %v13, %loop.5 ], [ %v91, %loop.18 ]
  %v102 = getelementptr i8, ptr %v9, i64 144
  %v103 = getelementptr i8, ptr %v8, i64 324
  %v104 = add i64 %v7, 1
  %v105 = icmp slt i64 %v104, 3
  br i1 %v105, label %loop.5, label %done.6
done.6:
  %v106 = load <4 x float>, ptr %bias, align 4
  %v107 = getelementptr i8, ptr %out, i64 4
  %v108 = getelementptr i8, ptr %out, i64 8
  %v109 = getelementptr i8, ptr %out, i64 12
  %v110 = fadd <4 x float> %v98, %v106
  %v111 = fcmp olt <4 x float> %v110, splat (float 0x0000000000000000)
  %v112 = select <4 x i1> %v111, <4 x float> splat (float 0x0000000000000000), <4 x float> %v110
  %v113 = fadd <4 x float> %v99, %v106
  %v114 = fcmp olt <4 x float> %v113, splat (float 0x0000000000000000)
  %v115 = select <4 x i1> %v114, <4 x float> splat (float 0x0000000000000000), <4 x float> %v113
  %v116 = fadd <4 x float> %v100, %v106
  %v117 = fcmp olt <4 x float> %v116, splat (float 0x0000000000000000)
  %v118 = select <4 x i1> %v117, <4 x float> splat (float 0x0000000000000000), <4 x float> %v116
  %v119 = fadd <4 x float> %v101, %v106
  %v120 = fcmp olt <4 x float> %v119, splat (float 0x0000000000000000)
  %v121 = select <4 x i1> %v120, <4 x float> splat (float 0x0000000000000000), <4 x float> %v119
  %v122 = shufflevector <4 x float> %v112, <4 x float> %v115, <4 x i32> <i32 0, i32 4, i32 1, i32 5>
  %v123 = shufflevector <4 x float> %v112, <4 x float> %v115, <4 x i32> <i32 2, i32 6, i32 3, i32 7>
  %v124 = shufflevector <4 x float> %v118, <4 x float> %v121, <4 x i32> <i32 0, i32 4, i32 1, i32 5>
  %v125 = shufflevector <4 x float> %v118, <4 x float> %v121, <4 x i32> <i32 2, i32 6, i32 3, i32 7>
  %v126 = shufflevector <4 x float> %v122, <4 x float> %v124, <4 x i32> <i32 0, i32 1, i32 4, i32 5>
  %v127 = shufflevector <4 x float> %v122, <4 x float> %v124, <4 x i32> <i32 2, i32 3, i32 6, i32 7>
  %v128 = shufflevector <4 x float> %v123, <4 x float> %v125, <4 x i32> <i32 0, i32 1, i32 4, i32 5>
  %v129 = shufflevector <4 x float> %v123, <4 x float> %v125, <4 x i32> <i32 2, i32 3, i32 6, i32 7>
  %v130 = shufflevector <4 x float> %v126, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  store <4 x float> %v130, ptr %out, align 1
  %v131 = shufflevector <4 x float> %v127, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v132 = getelementptr i8, ptr %out, i64 64
  store <4 x float> %v131, ptr %v132, align 1
  %v133 = shufflevector <4 x float> %v128, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v134 = getelementptr i8, ptr %out, i64 128
  store <4 x float> %v133, ptr %v134, align 1
  %v135 = shufflevector <4 x float> %v129, <4 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v136 = getelementptr i8, ptr %out, i64 192
  store <4 x float> %v135, ptr %v136, align 1
  ret i64 0
}
define internal void @work(ptr %context, i64 %item, i64 %slot) #0 {
entry:
  %v1 = urem i64 %item, 5
  %v2 = udiv i64 %item, 5
  %v3 = load ptr, ptr %context, align 8
  %v4 = getelementptr i8, ptr %context, i64 8
  %v5 = load ptr, ptr %v4, align 8
  %v6 = urem i64 %v2, 2
  %v7 = udiv i64 %v2, 2
  %v8 = getelementptr i8, ptr %context, i64 56
  %v9 = load i64, ptr %v8, align 8
  %v10 = mul i64 %v6, %v9
  %v11 = getelementptr i8, ptr %v3, i64 %v10
  %v12 = mul i64 %v6, 1280
  %v13 = getelementptr i8, ptr %v5, i64 %v12
  %v14 = getelementptr i8, ptr %context, i64 64
  %v15 = load i64, ptr %v14, align 8
  %v16 = getelementptr i8, ptr %context, i64 16
  %v17 = load ptr, ptr %v16, align 8
  %v18 = getelementptr i8, ptr %v17, i64 2160
  %v19 = load i64, ptr %v18, align 8
  %v20 = getelementptr i8, ptr %context, i64 40
  %v21 = load ptr, ptr %v20, align 8
  %v22 = mul i64 %slot, 1024
  %v23 = getelementptr i8, ptr %v21, i64 %v22
  %v24 = getelementptr i8, ptr %context, i64 80
  %v25 = load i64, ptr %v24, align 8
  %v26 = getelementptr i8, ptr %context, i64 88
  %v27 = load i64, ptr %v26, align 8
  %v28 = getelementptr i8, ptr %context, i64 72
  %v29 = load i64, ptr %v28, align 8
  %v30 = getelementptr i8, ptr %context, i64 32
  %v31 = load ptr, ptr %v30, align 8
  br label %loop.32
loop.32:
  %v34 = phi i64 [ 0, %entry ], [ %v65, %done.40 ]
  %v35 = mul i64 %v34, %v29
  %v36 = getelementptr i8, ptr %v11, i64 %v35
  %v37 = mul i64 %v34, 324
  %v38 = getelementptr i8, ptr %v23, i64 %v37
  br label %loop.39
loop.39:
  %v41 = phi i64 [ 0, %loop.32 ], [ %v63, %loop.39 ]
  %v42 = add i64 -1, %v41
  %v43 = mul i64 %v41, 36
  %v44 = getelementptr i8, ptr %v38, i64 %v43
  %v45 = icmp ult i64 %v42, 7
  %v46 = icmp slt i64 %v42, 0
  %v47 = add i64 %v42, 1
  %v48 = sub i64 %v42, 7
  %v49 = add i64 %v48, 1
  %v50 = select i1 %v46, i64 %v47, i64 %v49
  %v51 = select i1 %v45, i64 0, i64 %v50
  %v52 = mul i64 %v51, 8
  %v53 = getelementptr i8, ptr %v31, i64 %v52
  %v54 = load i64, ptr %v53, align 8
  %v55 = select i1 %v45, i64 %v42, i64 %v54
  %v56 = icmp slt i64 %v55, 0
  %v57 = select i1 %v46, float 0x0000000000000000, float 0x0000000000000000
  %v58 = select i1 %v56, float %v57, float 0x0000000000000000
  %v59 = select i1 %v56, i1 false, i1 true
  %v60 = select i1 %v56, i64 0, i64 %v55
  %v61 = mul i64 %v60, %v25
  %v62 = getelementptr i8, ptr %v36, i64 %v61
  call void @pack_row(ptr %v44, ptr %v62, i64 %v27, i64 -1, ptr %v31, i1 %v59, float %v58)
  %v63 = add i64 %v41, 1
  %v64 = icmp slt i64 %v63, 9
  br i1 %v64, label %loop.39, label %done.40
done.40:
  %v65 = add i64 %v34, 1
  %v66 = icmp slt i64 %v65, 3
  br i1 %v66, label %loop.32, label %done.33
done.33:
  %v67 = add i64 %v1, 1
  %v68 = call i64 @llvm.smin.i64(i64 %v67, i64 5)
  %v71 = icmp slt i64 %v1, %v68
  br i1 %v71, label %loop.69, label %done.70
loop.69:
  %v72 = phi i64 [ %v1, %done.33 ], [ %v125, %done.86 ]
  %v73 = mul i64 %v72, 4
  %v74 = call i64 @llvm.smin.i64(i64 %v73, i64 16)
  %v75 = getelementptr i8, ptr %context, i64 16
  %v76 = load ptr, ptr %v75, align 8
  %v77 = mul i64 %v72, 432
  %v78 = getelementptr i8, ptr %v76, i64 %v77
  %v79 = getelementptr i8, ptr %context, i64 24
  %v80 = load ptr, ptr %v79, align 8
  %v81 = mul i64 %v72, 16
  %v82 = getelementptr i8, ptr %v80, i64 %v81
  %v83 = mul i64 %v74, 64
  %v84 = getelementptr i8, ptr %v13, i64 %v83
  br label %loop.85
loop.85:
  %v87 = phi i64 [ 0, %loop.69 ], [ %v123, %done.94 ]
  %v88 = call i64 @llvm.smin.i64(i64 %v87, i64 3)
  %v89 = mul i64 %v88, 72
  %v90 = getelementptr i8, ptr %v23, i64 %v89
  %v91 = mul i64 %v88, 16
  %v92 = getelementptr i8, ptr %v84, i64 %v91
  br label %loop.93
loop.93:
  %v95 = phi i64 [ 0, %loop.85 ], [ %v121, %done.119 ]
  %v96 = mul i64 %v95, 4
  %v97 = call i64 @llvm.smin.i64(i64 %v96, i64 0)
  %v98 = mul i64 %v97, 8
  %v99 = getelementptr i8, ptr %v90, i64 %v98
  %v100 = mul i64 %v97, 4
  %v101 = getelementptr i8, ptr %v92, i64 %v100
  %v102 = mul i64 %v88, 2
  %v103 = add i64 %v102, -1
  %v104 = sub i64 0, %v103
  %v105 = call i64 @llvm.smax.i64(i64 %v104, i64 0)
  %v106 = sub i64 7, %v103
  %v107 = call i64 @llvm.smax.i64(i64 %v106, i64 0)
  %v108 = call i64 @llvm.smin.i64(i64 %v105, i64 3)
  %v109 = sub i64 %v108, %v19
  %v110 = call i64 @llvm.smax.i64(i64 %v109, i64 0)
  %v111 = add i64 %v107, %v19
  %v112 = call i64 @llvm.smin.i64(i64 %v111, i64 3)
  %v113 = call i64 @llvm.smax.i64(i64 %v112, i64 %v110)
  %v114 = icmp eq i64 %v19, 0
  br i1 %v114, label %then.115, label %done.116
then.115:
  %v117 = call i64 @tile(ptr %v99, ptr %v78, ptr %v82, ptr %v101, i64 %v110, i64 %v113)
  br label %done.116
done.116:
  br i1 %v114, label %done.119, label %else.118
else.118:
  %v120 = call i64 @tile.all(ptr %v99, ptr %v78, ptr %v82, ptr %v101, i64 %v110, i64 %v113)
  br label %done.119
done.119:
  %v121 = add i64 %v95, 1
  %v122 = icmp slt i64 %v121, 1
  br i1 %v122, label %loop.93, label %done.94
done.94:
  %v123 = add i64 %v87, 1
  %v124 = icmp slt i64 %v123, 4
  br i1 %v124, label %loop.85, label %done.86
done.86:
  %v125 = add i64 %v72, 1
  %v126 = icmp slt i64 %v125, %v68
  br i1 %v126, label %loop.69, label %done.70
done.70:
  ret void
}
define i64 @entry(ptr %image, ptr %out, ptr %kernel, ptr %bias, ptr %tables, ptr %scratch, ptr %pool, ptr %run, i64 %participants) #0 {
entry:
  %v1 = alloca [136 x i8], align 64
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
  %v29 = getelementptr i8, ptr %v17, i64 32
  %v30 = load i64, ptr %v29, align 8
  %v31 = getelementptr i8, ptr %v1, i64 88
  store i64 %v30, ptr %v31, align 8
  %v32 = icmp slt i64 %participants, 2
  br i1 %v32, label %then.33, label %done.34
then.33:
  br label %loop.35
loop.35:
  %v37 = phi i64 [ 0, %then.33 ], [ %v38, %loop.35 ]
  call void @work(ptr %v1, i64 %v37, i64 0)
  %v38 = add i64 %v37, 1
  %v39 = icmp slt i64 %v38, 10
  br i1 %v39, label %loop.35, label %done.36
done.36:
  br label %done.34
done.34:
  br i1 %v32, label %done.41, label %else.40
else.40:
  call void %run(ptr %pool, ptr @work, ptr %v1, i64 10, i64 %participants)
  br label %done.41
done.41:
  %v42 = getelementptr i8, ptr %v1, i64 48
  %v43 = load i64, ptr %v42, align 8
  ret i64 %v43
}
declare <4 x float> @llvm.fma.v4f32(<4 x float>, <4 x float>, <4 x float>)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
attributes #0 = { nounwind "min-legal-vector-width"="512" "frame-pointer"="none" }
