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
define internal i64 @tile(ptr %image, ptr %kernel, ptr %bias, ptr %out) #0 {
entry:
  br label %loop.1
loop.1:
  %v3 = phi i64 [ 0, %entry ], [ %v88, %done.11 ]
  %v4 = phi ptr [ %image, %entry ], [ %v87, %done.11 ]
  %v5 = phi ptr [ %kernel, %entry ], [ %v83, %done.11 ]
  %v6 = phi <8 x float> [ splat (float 0x0000000000000000), %entry ], [ %v67, %done.11 ]
  %v7 = phi <8 x float> [ splat (float 0x0000000000000000), %entry ], [ %v72, %done.11 ]
  %v8 = phi <8 x float> [ splat (float 0x0000000000000000), %entry ], [ %v77, %done.11 ]
  %v9 = phi <8 x float> [ splat (float 0x0000000000000000), %entry ], [ %v82, %done.11 ]
  br label %loop.10
loop.10:
  %v12 = phi i64 [ 0, %loop.1 ], [ %v85, %loop.10 ]
  %v13 = phi ptr [ %v4, %loop.1 ], [ %v84, %loop.10 ]
  %v14 = phi ptr [ %v5, %loop.1 ], [ %v83, %loop.10 ]
  %v15 = phi <8 x float> [ %v6, %loop.1 ], [ %v67, %loop.10 ]
  %v16 = phi <8 x float> [ %v7, %loop.1 ], [ %v72, %loop.10 ]
  %v17 = phi <8 x float> [ %v8, %loop.1 ], [ %v77, %loop.10 ]
  %v18 = phi <8 x float> [ %v9, %loop.1 ], [ %v82, %loop.10 ]
  %v19 = load <8 x float>, ptr %v14, align 4
  %v20 = load float, ptr %v13, align 4
  %v21 = insertelement <8 x float> poison, float %v20, i64 0
  %v22 = shufflevector <8 x float> %v21, <8 x float> poison, <8 x i32> zeroinitializer
  %v23 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v22, <8 x float> %v19, <8 x float> %v15)
  %v24 = getelementptr i8, ptr %v13, i64 8
  %v25 = load float, ptr %v24, align 4
  %v26 = insertelement <8 x float> poison, float %v25, i64 0
  %v27 = shufflevector <8 x float> %v26, <8 x float> poison, <8 x i32> zeroinitializer
  %v28 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v27, <8 x float> %v19, <8 x float> %v16)
  %v29 = getelementptr i8, ptr %v13, i64 16
  %v30 = load float, ptr %v29, align 4
  %v31 = insertelement <8 x float> poison, float %v30, i64 0
  %v32 = shufflevector <8 x float> %v31, <8 x float> poison, <8 x i32> zeroinitializer
  %v33 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v32, <8 x float> %v19, <8 x float> %v17)
  %v34 = getelementptr i8, ptr %v13, i64 24
  %v35 = load float, ptr %v34, align 4
  %v36 = insertelement <8 x float> poison, float %v35, i64 0
  %v37 = shufflevector <8 x float> %v36, <8 x float> poison, <8 x i32> zeroinitializer
  %v38 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v37, <8 x float> %v19, <8 x float> %v18)
  %v39 = getelementptr i8, ptr %v13, i64 4
  %v40 = getelementptr i8, ptr %v14, i64 32
  %v41 = load <8 x float>, ptr %v40, align 4
  %v42 = load float, ptr %v39, align 4
  %v43 = insertelement <8 x float> poison, float %v42, i64 0
  %v44 = shufflevector <8 x float> %v43, <8 x float> poison, <8 x i32> zeroinitializer
  %v45 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v44, <8 x float> %v41, <8 x float> %v23)
  %v46 = getelementptr i8, ptr %v39, i64 8
  %v47 = load float, ptr %v46, align 4
  %v48 = insertelement <8 x float> poison, float %v47, i64 0
  %v49 = shufflevector <8 x float> %v48, <8 x float> poison, <8 x i32> zeroinitializer
  %v50 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v49, <8 x float> %v41, <8 x float> %v28)
  %v51 = getelementptr i8, ptr %v39, i64 16
  %v52 = load float, ptr %v51, align 4
  %v53 = insertelement <8 x float> poison, float %v52, i64 0
  %v54 = shufflevector <8 x float> %v53, <8 x float> poison, <8 x i32> zeroinitializer
  %v55 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v54, <8 x float> %v41, <8 x float> %v33)
  %v56 = getelementptr i8, ptr %v39, i64 24
  %v57 = load float, ptr %v56, align 4
  %v58 = insertelement <8 x float> poison, float %v57, i64 0
  %v59 = shufflevector <8 x float> %v58, <8 x float> poison, <8 x i32> zeroinitializer
  %v60 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v59, <8 x float> %v41, <8 x float> %v38)
  %v61 = getelementptr i8, ptr %v13, i64 8
  %v62 = getelementptr i8, ptr %v14, i64 64
  %v63 = load <8 x float>, ptr %v62, align 4
  %v64 = load float, ptr %v61, align 4
  %v65 = insertelement <8 x float> poison, float %v64, i64 0
  %v66 = shufflevector <8 x float> %v65, <8 x float> poison, <8 x i32> zeroinitializer
  %v67 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v66, <8 x float> %v63, <8 x float> %v45)
  %v68 = getelementptr i8, ptr %v61, i64 8
  %v69 = load float, ptr %v68, align 4
  %v70 = insertelement <8 x float> poison, float %v69, i64 0
  %v71 = shufflevector <8 x float> %v70, <8 x float> poison, <8 x i32> zeroinitializer
  %v72 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v71, <8 x float> %v63, <8 x float> %v50)
  %v73 = getelementptr i8, ptr %v61, i64 16
  %v74 = load float, ptr %v73, align 4
  %v75 = insertelement <8 x float> poison, float %v74, i64 0
  %v76 = shufflevector <8 x float> %v75, <8 x float> poison, <8 x i32> zeroinitializer
  %v77 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v76, <8 x float> %v63, <8 x float> %v55)
  %v78 = getelementptr i8, ptr %v61, i64 24
  %v79 = load float, ptr %v78, align 4
  %v80 = insertelement <8 x float> poison, float %v79, i64 0
  %v81 = shufflevector <8 x float> %v80, <8 x float> poison, <8 x i32> zeroinitializer
  %v82 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v81, <8 x float> %v63, <8 x float> %v60)
  %v83 = getelementptr i8, ptr %v14, i64 96
  %v84 = getelementptr i8, ptr %v13, i64 36
  %v85 = add i64 %v12, 1
  %v86 = icmp slt i64 %v85, 3
  br i1 %v86, label %loop.10, label %done.11
done.11:
  %v87 = getelementptr i8, ptr %v4, i64 324
  %v88 = add i64 %v3, 1
  %v89 = icmp slt i64 %v88, 3
  br i1 %v89, label %loop.1, label %done.2
done.2:
  %v90 = load <8 x float>, ptr %bias, align 4
  %v91 = getelementptr i8, ptr %out, i64 4
  %v92 = getelementptr i8, ptr %out, i64 8
  %v93 = getelementptr i8, ptr %out, i64 12
  %v94 = fadd <8 x float> %v67, %v90
  %v95 = fcmp olt <8 x float> %v94, splat (float 0x0000000000000000)
  %v96 = select <8 x i1> %v95, <8 x float> splat (float 0x0000000000000000), <8 x float> %v94
  %v97 = fadd <8 x float> %v72, %v90
  %v98 = fcmp olt <8 x float> %v97, splat (float 0x0000000000000000)
  %v99 = select <8 x i1> %v98, <8 x float> splat (float 0x0000000000000000), <8 x float> %v97
  %v100 = fadd <8 x float> %v77, %v90
  %v101 = fcmp olt <8 x float> %v100, splat (float 0x0000000000000000)
  %v102 = select <8 x i1> %v101, <8 x float> splat (float 0x0000000000000000), <8 x float> %v100
  %v103 = fadd <8 x float> %v82, %v90
  %v104 = fcmp olt <8 x float> %v103, splat (float 0x0000000000000000)
  %v105 = select <8 x i1> %v104, <8 x float> splat (float 0x0000000000000000), <8 x float> %v103
  %v106 = shufflevector <8 x float> %v96, <8 x float> %v99, <8 x i32> <i32 0, i32 8, i32 1, i32 9, i32 4, i32 12, i32 5, i32 13>
  %v107 = shufflevector <8 x float> %v96, <8 x float> %v99, <8 x i32> <i32 2, i32 10, i32 3, i32 11, i32 6, i32 14, i32 7, i32 15>
  %v108 = shufflevector <8 x float> %v102, <8 x float> %v105, <8 x i32> <i32 0, i32 8, i32 1, i32 9, i32 4, i32 12, i32 5, i32 13>
  %v109 = shufflevector <8 x float> %v102, <8 x float> %v105, <8 x i32> <i32 2, i32 10, i32 3, i32 11, i32 6, i32 14, i32 7, i32 15>
  %v110 = shufflevector <8 x float> %v106, <8 x float> %v108, <8 x i32> <i32 0, i32 1, i32 8, i32 9, i32 4, i32 5, i32 12, i32 13>
  %v111 = shufflevector <8 x float> %v106, <8 x float> %v108, <8 x i32> <i32 2, i32 3, i32 10, i32 11, i32 6, i32 7, i32 14, i32 15>
  %v112 = shufflevector <8 x float> %v107, <8 x float> %v109, <8 x i32> <i32 0, i32 1, i32 8, i32 9, i32 4, i32 5, i32 12, i32 13>
  %v113 = shufflevector <8 x float> %v107, <8 x float> %v109, <8 x i32> <i32 2, i32 3, i32 10, i32 11, i32 6, i32 7, i32 14, i32 15>
  %v114 = shufflevector <8 x float> %v110, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  store <4 x float> %v114, ptr %out, align 1
  %v115 = shufflevector <8 x float> %v110, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v116 = getelementptr i8, ptr %out, i64 256
  store <4 x float> %v115, ptr %v116, align 1
  %v117 = shufflevector <8 x float> %v111, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v118 = getelementptr i8, ptr %out, i64 64
  store <4 x float> %v117, ptr %v118, align 1
  %v119 = shufflevector <8 x float> %v111, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v120 = getelementptr i8, ptr %out, i64 320
  store <4 x float> %v119, ptr %v120, align 1
  %v121 = shufflevector <8 x float> %v112, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v122 = getelementptr i8, ptr %out, i64 128
  store <4 x float> %v121, ptr %v122, align 1
  %v123 = shufflevector <8 x float> %v112, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v124 = getelementptr i8, ptr %out, i64 384
  store <4 x float> %v123, ptr %v124, align 1
  %v125 = shufflevector <8 x float> %v113, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v126 = getelementptr i8, ptr %out, i64 192
  store <4 x float> %v125, ptr %v126, align 1
  %v127 = shufflevector <8 x float> %v113, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v128 = getelementptr i8, ptr %out, i64 448
  store <4 x float> %v127, ptr %v128, align 1
  ret i64 0
}
define internal void @work(ptr %context, i64 %item, i64 %slot) #0 {
entry:
  %v1 = urem i64 %item, 3
  %v2 = udiv i64 %item, 3
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
  %v16 = getelementptr i8, ptr %context, i64 40
  %v17 = load ptr, ptr %v16, align 8
  %v18 = mul i64 %slot, 1024
  %v19 = getelementptr i8, ptr %v17, i64 %v18
  %v20 = getelementptr i8, ptr %context, i64 80
  %v21 = load i64, ptr %v20, align 8
  %v22 = getelementptr i8, ptr %context, i64 88
  %v23 = load i64, ptr %v22, align 8
  %v24 = getelementptr i8, ptr %context, i64 72
  %v25 = load i64, ptr %v24, align 8
  %v26 = getelementptr i8, ptr %context, i64 32
  %v27 = load ptr, ptr %v26, align 8
  br label %loop.28
loop.28:
  %v30 = phi i64 [ 0, %entry ], [ %v61, %done.36 ]
  %v31 = mul i64 %v30, %v25
  %v32 = getelementptr i8, ptr %v11, i64 %v31
  %v33 = mul i64 %v30, 324
  %v34 = getelementptr i8, ptr %v19, i64 %v33
  br label %loop.35
loop.35:
  %v37 = phi i64 [ 0, %loop.28 ], [ %v59, %loop.35 ]
  %v38 = add i64 -1, %v37
  %v39 = mul i64 %v37, 36
  %v40 = getelementptr i8, ptr %v34, i64 %v39
  %v41 = icmp ult i64 %v38, 7
  %v42 = icmp slt i64 %v38, 0
  %v43 = add i64 %v38, 1
  %v44 = sub i64 %v38, 7
  %v45 = add i64 %v44, 1
  %v46 = select i1 %v42, i64 %v43, i64 %v45
  %v47 = select i1 %v41, i64 0, i64 %v46
  %v48 = mul i64 %v47, 8
  %v49 = getelementptr i8, ptr %v27, i64 %v48
  %v50 = load i64, ptr %v49, align 8
  %v51 = select i1 %v41, i64 %v38, i64 %v50
  %v52 = icmp slt i64 %v51, 0
  %v53 = select i1 %v42, float 0x0000000000000000, float 0x0000000000000000
  %v54 = select i1 %v52, float %v53, float 0x0000000000000000
  %v55 = select i1 %v52, i1 false, i1 true
  %v56 = select i1 %v52, i64 0, i64 %v51
  %v57 = mul i64 %v56, %v21
  %v58 = getelementptr i8, ptr %v32, i64 %v57
  call void @pack_row(ptr %v40, ptr %v58, i64 %v23, i64 -1, ptr %v27, i1 %v55, float %v54)
  %v59 = add i64 %v37, 1
  %v60 = icmp slt i64 %v59, 9
  br i1 %v60, label %loop.35, label %done.36
done.36:
  %v61 = add i64 %v30, 1
  %v62 = icmp slt i64 %v61, 3
  br i1 %v62, label %loop.28, label %done.29
done.29:
  %v63 = add i64 %v1, 1
  %v64 = call i64 @llvm.smin.i64(i64 %v63, i64 3)
  %v67 = icmp slt i64 %v1, %v64
  br i1 %v67, label %loop.65, label %done.66
loop.65:
  %v68 = phi i64 [ %v1, %done.29 ], [ %v103, %done.82 ]
  %v69 = mul i64 %v68, 8
  %v70 = call i64 @llvm.smin.i64(i64 %v69, i64 12)
  %v71 = getelementptr i8, ptr %context, i64 16
  %v72 = load ptr, ptr %v71, align 8
  %v73 = mul i64 %v68, 864
  %v74 = getelementptr i8, ptr %v72, i64 %v73
  %v75 = getelementptr i8, ptr %context, i64 24
  %v76 = load ptr, ptr %v75, align 8
  %v77 = mul i64 %v68, 32
  %v78 = getelementptr i8, ptr %v76, i64 %v77
  %v79 = mul i64 %v70, 64
  %v80 = getelementptr i8, ptr %v13, i64 %v79
  br label %loop.81
loop.81:
  %v83 = phi i64 [ 0, %loop.65 ], [ %v101, %done.90 ]
  %v84 = call i64 @llvm.smin.i64(i64 %v83, i64 3)
  %v85 = mul i64 %v84, 72
  %v86 = getelementptr i8, ptr %v19, i64 %v85
  %v87 = mul i64 %v84, 16
  %v88 = getelementptr i8, ptr %v80, i64 %v87
  br label %loop.89
loop.89:
  %v91 = phi i64 [ 0, %loop.81 ], [ %v99, %loop.89 ]
  %v92 = mul i64 %v91, 4
  %v93 = call i64 @llvm.smin.i64(i64 %v92, i64 0)
  %v94 = mul i64 %v93, 8
  %v95 = getelementptr i8, ptr %v86, i64 %v94
  %v96 = mul i64 %v93, 4
  %v97 = getelementptr i8, ptr %v88, i64 %v96
  %v98 = call i64 @tile(ptr %v95, ptr %v74, ptr %v78, ptr %v97)
  %v99 = add i64 %v91, 1
  %v100 = icmp slt i64 %v99, 1
  br i1 %v100, label %loop.89, label %done.90
done.90:
  %v101 = add i64 %v83, 1
  %v102 = icmp slt i64 %v101, 4
  br i1 %v102, label %loop.81, label %done.82
done.82:
  %v103 = add i64 %v68, 1
  %v104 = icmp slt i64 %v103, %v64
  br i1 %v104, label %loop.65, label %done.66
done.66:
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
  %v39 = icmp slt i64 %v38, 6
  br i1 %v39, label %loop.35, label %done.36
done.36:
  br label %done.34
done.34:
  br i1 %v32, label %done.41, label %else.40
else.40:
  call void %run(ptr %pool, ptr @work, ptr %v1, i64 6, i64 %participants)
  br label %done.41
done.41:
  %v42 = getelementptr i8, ptr %v1, i64 48
  %v43 = load i64, ptr %v42, align 8
  ret i64 %v43
}
declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare i64 @llvm.smin.i64(i64, i64)
attributes #0 = { nounwind "min-legal-vector-width"="512" "frame-pointer"="none" }
